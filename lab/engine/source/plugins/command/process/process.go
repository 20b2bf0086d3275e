package process

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// The outputs of the run before are offered to the next one under these names.
const (
	PreviousStdout = "PULUMI_COMMAND_STDOUT"
	PreviousStderr = "PULUMI_COMMAND_STDERR"
)

// Inputs are the properties that a command has on either side of a connection.
type Inputs struct {
	Create                 *string           `pulumi:"create,optional"`
	Update                 *string           `pulumi:"update,optional"`
	Delete                 *string           `pulumi:"delete,optional"`
	Triggers               *[]any            `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Environment            map[string]string `pulumi:"environment,optional"`
	Stdin                  *string           `pulumi:"stdin,optional"`
	Logging                *Logging          `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool             `pulumi:"addPreviousOutputInEnv,optional"`
}

// Outputs are what the last run wrote, without the newline at the end.
type Outputs struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// OnUpdate gives the command of an update: update's own, else create's again, else none.
func (in Inputs) OnUpdate() *string {
	if in.Update != nil {
		return in.Update
	}
	return in.Create
}

// Previous gives the variables that carry the run before into this one.
func (in Inputs) Previous(before Outputs) map[string]string {
	variables := map[string]string{}
	if in.AddPreviousOutputInEnv != nil && !*in.AddPreviousOutputInEnv {
		return variables
	}
	if before.Stdout != "" {
		variables[PreviousStdout] = before.Stdout
	}
	if before.Stderr != "" {
		variables[PreviousStderr] = before.Stderr
	}
	return variables
}

// Execute runs a command through start and collects what it writes. A failed command's error carries the command
// and all its output, as the published provider's does.
func Execute(ctx context.Context, in Inputs, command string, start func(*Capture) error) (Outputs, error) {
	capture, err := newCapture(ctx, in.Logging)
	if err != nil {
		return Outputs{}, err
	}
	err = start(capture)
	capture.flush()
	if err != nil {
		return Outputs{}, fmt.Errorf("%w: running %q:\n%s", err, command, capture.both.String())
	}
	return Outputs{
		Stdout: strings.TrimSuffix(capture.stdout.String(), "\n"),
		Stderr: strings.TrimSuffix(capture.stderr.String(), "\n"),
	}, nil
}

// NewID names a new resource: the name that the program gave it and eight random digits.
func NewID(name string) (string, error) {
	return resource.NewUniqueHex(name, 8, 0)
}
