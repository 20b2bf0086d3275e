// Package process holds what a command has wherever it runs: its outputs and who gets to see them.
package process

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Logging says which of a command's outputs reach Pulumi's own output; all of them reach the state.
type Logging string

const (
	Stdout          Logging = "stdout"
	Stderr          Logging = "stderr"
	StdoutAndStderr Logging = "stdoutAndStderr"
	None            Logging = "none"
)

// Values lists what the package's schema allows.
func (Logging) Values() []infer.EnumValue[Logging] {
	return []infer.EnumValue[Logging]{
		{Value: Stdout, Description: "Capture stdout in logs but not stderr"},
		{Value: Stderr, Description: "Capture stderr in logs but not stdout"},
		{Value: StdoutAndStderr, Description: "Capture stdout and stderr in logs"},
		{Value: None, Description: "Capture no logs"},
	}
}

// shown gives whether stdout and stderr are logged; nothing said means both.
func shown(logging *Logging) (stdout, stderr bool, err error) {
	if logging == nil {
		return true, true, nil
	}
	switch *logging {
	case StdoutAndStderr:
		return true, true, nil
	case Stdout:
		return true, false, nil
	case Stderr:
		return false, true, nil
	case None:
		return false, false, nil
	}
	// An unknown word must not turn into output that somebody meant to hide.
	return false, false, fmt.Errorf("logging is %q: write stdout, stderr, stdoutAndStderr or none", *logging)
}
