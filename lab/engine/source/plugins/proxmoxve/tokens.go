package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
)

// split gives module and class of a Terraform type: proxmox_virtual_environment_vm is index and VmLegacy,
// proxmox_network_linux_bridge is network/linux and Bridge.
func split(key string) (module, class string) {
	rest, suffix := strings.TrimPrefix(key, prefix), ""
	if strings.HasPrefix(key, legacyPrefix) {
		rest, suffix = strings.TrimPrefix(key, legacyPrefix), "Legacy"
	}
	parts := strings.Split(rest, "_")
	last := parts[len(parts)-1]
	class = strings.ToUpper(last[:1]) + last[1:] + suffix
	if len(parts) == 1 {
		return "index", class
	}
	return strings.Join(parts[:len(parts)-1], "/"), class
}

func token(module, file, class string) string {
	return fmt.Sprintf("%s:%s/%s:%s", name, module, file, class)
}

func lowerFirst(word string) string {
	return strings.ToLower(word[:1]) + word[1:]
}

// keys lists what a provider's half offers under a name, without what is left out.
func keys(each func(func(key string, value shim.Resource) bool)) []string {
	var found []string
	each(func(key string, _ shim.Resource) bool {
		if !slices.Contains(leftOut, key) {
			found = append(found, key)
		}
		return true
	})
	return found
}

// quiet takes the generator's remarks on upstream's documentation; its errors come back as errors.
func quiet() diag.Sink {
	return diag.DefaultSink(io.Discard, io.Discard, diag.FormatOptions{Color: colors.Never})
}
