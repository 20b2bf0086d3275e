package process

import (
	"bytes"
	"context"
	"io"
	"sync"

	provider "github.com/pulumi/pulumi-go-provider"
)

// Capture keeps a command's outputs, each alone and both in order, and logs line by line what may be seen.
// stdout and stderr arrive on goroutines of their own.
type Capture struct {
	mutex                sync.Mutex
	stdout, stderr, both bytes.Buffer
	streams              []*stream
	say                  func(line string)
}

type stream struct {
	capture *Capture
	kept    *bytes.Buffer
	line    bytes.Buffer
	logged  bool
}

func newCapture(ctx context.Context, logging *Logging) (*Capture, error) {
	logStdout, logStderr, err := shown(logging)
	if err != nil {
		return nil, err
	}
	capture := &Capture{say: provider.GetLogger(ctx).Info}
	capture.streams = []*stream{
		{capture: capture, kept: &capture.stdout, logged: logStdout},
		{capture: capture, kept: &capture.stderr, logged: logStderr},
	}
	return capture, nil
}

// Stdout is where the command's standard output goes.
func (c *Capture) Stdout() io.Writer { return c.streams[0] }

// Stderr is where the command's standard error goes.
func (c *Capture) Stderr() io.Writer { return c.streams[1] }

// Write keeps the piece and logs the lines that it completes.
func (s *stream) Write(piece []byte) (int, error) {
	s.capture.mutex.Lock()
	defer s.capture.mutex.Unlock()
	s.kept.Write(piece)
	s.capture.both.Write(piece)
	if !s.logged {
		return len(piece), nil
	}
	for _, part := range bytes.SplitAfter(piece, []byte("\n")) {
		s.line.Write(part)
		if bytes.HasSuffix(part, []byte("\n")) {
			s.flush()
		}
	}
	return len(piece), nil
}

func (s *stream) flush() {
	if s.line.Len() > 0 {
		s.capture.say(string(bytes.TrimRight(s.line.Bytes(), "\r\n")))
		s.line.Reset()
	}
}

// flush logs the last line where it has no newline.
func (c *Capture) flush() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, each := range c.streams {
		each.flush()
	}
}
