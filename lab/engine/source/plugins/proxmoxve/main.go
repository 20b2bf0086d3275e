// Command pulumi-resource-proxmoxve is the bpg Proxmox provider behind Pulumi's Terraform bridge, with the tokens
// that the Python SDK pulumi-proxmoxve asks for. `pulumi-resource-proxmoxve schema` prints the package's schema;
// every other use reads that schema from schema.json beside the binary.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bpg/terraform-provider-proxmox/fwprovider"
	"github.com/bpg/terraform-provider-proxmox/proxmoxtf/provider"
	pfbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/x/muxer"
	"github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

const (
	name         = "proxmoxve"
	legacyPrefix = "proxmox_virtual_environment_"
	prefix       = "proxmox_"
)

// The version that the Python SDK asks for; the build sets it.
var version = "0.0.0-dev"

// Their id is a number, which the bridge cannot carry; nothing here uses them.
var leftOut = []string{
	"proxmox_vm", "proxmox_virtual_environment_vm2", "proxmox_cloned_vm", "proxmox_virtual_environment_cloned_vm",
}

// A muxed provider knows which of its halves, the old SDK or the plugin framework, serves which token.
type dispatcher interface {
	ResolveDispatch(info *tfbridge.ProviderInfo) (muxer.DispatchTable, error)
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-resource-%s: %v\n", name, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	info, err := describe(ctx)
	if err != nil {
		return err
	}
	if len(os.Args) > 1 && os.Args[1] == "schema" {
		return printSchema(ctx, info)
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	schema, err := os.ReadFile(filepath.Join(filepath.Dir(binary), "schema.json"))
	if err != nil {
		return fmt.Errorf("%w: write it with `pulumi-resource-%s schema >schema.json`", err, name)
	}
	pfbridge.MainWithMuxer(ctx, name, info, schema)
	return nil
}

func describe(ctx context.Context) (tfbridge.ProviderInfo, error) {
	info := tfbridge.ProviderInfo{
		P: pfbridge.MuxShimWithPF(ctx,
			shimv2.NewProvider(provider.ProxmoxVirtualEnvironment()), fwprovider.New(version)()),
		Name:           name,
		ResourcePrefix: "proxmox",
		Version:        version,
		IgnoreMappings: leftOut,
		MetadataInfo:   tfbridge.NewProviderMetadata(nil),
		Resources:      map[string]*tfbridge.ResourceInfo{},
		DataSources:    map[string]*tfbridge.DataSourceInfo{},
	}
	for _, key := range keys(info.P.ResourcesMap().Range) {
		info.Resources[key] = resource(key, info.P.ResourcesMap().Get(key))
	}
	for _, key := range keys(info.P.DataSourcesMap().Range) {
		module, class := split(key)
		get := "get" + class
		info.DataSources[key] = &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(token(module, get, get))}
	}
	dispatch, err := info.P.(dispatcher).ResolveDispatch(&info)
	if err != nil {
		return info, fmt.Errorf("no dispatch table for the two halves of the provider: %w", err)
	}
	return info, metadata.Set(info.GetMetadata(), "mux", dispatch)
}

// resource names a resource. Pulumi keeps the name id for itself: where upstream takes an id as an input, the SDK
// calls it resourceId, and it becomes the id.
func resource(key string, upstream shim.Resource) *tfbridge.ResourceInfo {
	module, class := split(key)
	info := &tfbridge.ResourceInfo{Tok: tokens.Type(token(module, lowerFirst(class), class))}
	if id, ok := upstream.Schema().GetOk("id"); ok && (id.Optional() || id.Required()) {
		info.Fields = map[string]*tfbridge.SchemaInfo{"id": {Name: "resourceId"}}
		info.ComputeID = tfbridge.DelegateIDField("resourceId", name, "")
	}
	return info
}

func printSchema(ctx context.Context, info tfbridge.ProviderInfo) error {
	generated, err := tfgen.GenerateSchema(ctx, tfgen.GenerateSchemaOptions{
		ProviderInfo: info, DiagnosticsSink: quiet(), XInMemoryDocs: true,
	})
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(generated.ProviderMetadata.PackageSchema)
	return err
}
