// Command pulumi-resource-command stands in for Pulumi's command provider where that cannot be downloaded: the
// same tokens, inputs and outputs for command:remote:Command, command:remote:CopyToRemote and
// command:local:Command. Not in it: local.run, remote.CopyFile and connections through a proxy.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/pulumi/pulumi-go-provider/infer"

	"lifecycle.example/engine/plugins/command/local"
	"lifecycle.example/engine/plugins/command/remote"
)

// The version that the Python SDK asks for; the build sets it.
var version = "0.0.0-dev"

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-resource-command: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	provider, err := infer.NewProviderBuilder().
		WithNamespace("pulumi").
		WithResources(
			infer.Resource(remote.Command{}),
			infer.Resource(remote.CopyToRemote{}),
			infer.Resource(local.Command{}),
		).
		Build()
	if err != nil {
		return err
	}
	return provider.Run(ctx, "command", version)
}
