// Package local runs commands on the machine that runs Pulumi.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/pulumi/pulumi-go-provider/infer"

	"lifecycle.example/engine/plugins/command/process"
)

// Command runs one command here when it is created, one when it is updated and one when it is deleted.
type Command struct{}

// CommandInputs are the properties that a program gives.
type CommandInputs struct {
	process.Inputs
	Interpreter  *[]string `pulumi:"interpreter,optional"`
	Dir          *string   `pulumi:"dir,optional"`
	AssetPaths   *[]string `pulumi:"assetPaths,optional"`
	ArchivePaths *[]string `pulumi:"archivePaths,optional"`
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

// run replaces the outputs of the run before by this one's.
func (state *CommandOutputs) run(ctx context.Context, command *string) error {
	if state.AssetPaths != nil || state.ArchivePaths != nil {
		return errors.New("assetPaths and archivePaths are not in the lab's stand-in for the command provider: " +
			"leave them out, or use the published plugin")
	}
	if command == nil {
		return nil
	}
	words := []string{"/bin/sh", "-c"}
	if state.Interpreter != nil && len(*state.Interpreter) > 0 {
		words = *state.Interpreter
	}
	words = append(append([]string{}, words...), *command)
	child := exec.CommandContext(ctx, words[0], words[1:]...)
	child.Env = state.environment()
	if state.Dir != nil {
		child.Dir = *state.Dir
	}
	if state.Stdin != nil {
		child.Stdin = strings.NewReader(*state.Stdin)
	}
	outputs, err := process.Execute(ctx, state.Inputs, *command, func(capture *process.Capture) error {
		child.Stdout, child.Stderr = capture.Stdout(), capture.Stderr()
		return child.Run()
	})
	if err != nil {
		return err
	}
	state.Outputs = outputs
	return nil
}

// environment is Pulumi's own, the program's variables over it, then the outputs of the run before.
func (state *CommandOutputs) environment() []string {
	variables := os.Environ()
	for name, value := range state.Environment {
		variables = append(variables, fmt.Sprintf("%s=%s", name, value))
	}
	for name, value := range state.Previous(state.Outputs) {
		variables = append(variables, fmt.Sprintf("%s=%s", name, value))
	}
	return variables
}
