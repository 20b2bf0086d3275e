package remote

import (
	"context"
	"fmt"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"golang.org/x/crypto/ssh"

	"lifecycle.example/engine/plugins/command/process"
)

// Command runs one command on a host when it is created, one when it is updated and one when it is deleted.
type Command struct{}

// CommandInputs are the properties that a program gives.
type CommandInputs struct {
	process.Inputs
	Connection Connection `pulumi:"connection" provider:"secret"`
}

// CommandOutputs are what the state keeps.
type CommandOutputs struct {
	CommandInputs
	process.Outputs
}

// Create runs create, where there is one.
func (Command) Create(
	ctx context.Context, request infer.CreateRequest[CommandInputs],
) (infer.CreateResponse[CommandOutputs], error) {
	state := CommandOutputs{CommandInputs: request.Inputs}
	id, err := process.NewID(request.Name)
	if err != nil || request.DryRun {
		return infer.CreateResponse[CommandOutputs]{ID: id, Output: state}, err
	}
	err = state.run(ctx, request.Inputs.Create)
	return infer.CreateResponse[CommandOutputs]{ID: id, Output: state}, err
}

// Update runs update, else create again.
func (Command) Update(
	ctx context.Context, request infer.UpdateRequest[CommandInputs, CommandOutputs],
) (infer.UpdateResponse[CommandOutputs], error) {
	state := CommandOutputs{CommandInputs: request.Inputs, Outputs: request.State.Outputs}
	if request.DryRun {
		return infer.UpdateResponse[CommandOutputs]{Output: state}, nil
	}
	err := state.run(ctx, request.Inputs.OnUpdate())
	return infer.UpdateResponse[CommandOutputs]{Output: state}, err
}

// Delete runs delete, where there is one.
func (Command) Delete(
	ctx context.Context, request infer.DeleteRequest[CommandOutputs],
) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, request.State.run(ctx, request.State.Delete)
}

// run connects, runs the command and replaces the outputs of the run before.
func (state *CommandOutputs) run(ctx context.Context, command *string) error {
	if command == nil {
		return nil
	}
	client, err := state.Connection.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	session, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("no session on %s: %w", state.Connection.address(), err)
	}
	defer session.Close()
	if err := state.setEnvironment(ctx, session); err != nil {
		return err
	}
	if state.Stdin != nil {
		session.Stdin = strings.NewReader(*state.Stdin)
	}
	outputs, err := process.Execute(ctx, state.Inputs, *command, func(capture *process.Capture) error {
		session.Stdout, session.Stderr = capture.Stdout(), capture.Stderr()
		return session.Run(*command)
	})
	if err != nil {
		return err
	}
	state.Outputs = outputs
	return nil
}

// setEnvironment asks the server for the variables. It may refuse: what the program asked for is then an error,
// the outputs of the run before are only a warning.
func (state *CommandOutputs) setEnvironment(ctx context.Context, session *ssh.Session) error {
	const cure = "the SSH server must allow it by AcceptEnv; or begin the command with VAR=value, or use stdin"
	for name, value := range state.Environment {
		if err := session.Setenv(name, value); err != nil {
			return fmt.Errorf("could not set environment variable %q: %w; %s", name, err, cure)
		}
	}
	for name, value := range state.Previous(state.Outputs) {
		if err := session.Setenv(name, value); err != nil {
			provider.GetLogger(ctx).Warningf("Unable to set %q: %v; %s", name, err, cure)
		}
	}
	return nil
}
