package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/infer/types"

	"lifecycle.example/engine/plugins/command/process"
)

// CopyToRemote copies a file, a directory or a text to a host over SFTP. What it copied stays when it is deleted.
type CopyToRemote struct{}

// CopyToRemoteInputs are the properties that a program gives; all of them are kept in the state.
type CopyToRemoteInputs struct {
	Connection Connection           `pulumi:"connection" provider:"secret"`
	Source     types.AssetOrArchive `pulumi:"source"`
	RemotePath string               `pulumi:"remotePath"`
	Triggers   *[]any               `pulumi:"triggers,optional" provider:"replaceOnChanges"`
}

// CopyToRemoteOutputs are what the state keeps.
type CopyToRemoteOutputs struct {
	CopyToRemoteInputs
}

// Create copies the source.
func (CopyToRemote) Create(
	ctx context.Context, request infer.CreateRequest[CopyToRemoteInputs],
) (infer.CreateResponse[CopyToRemoteOutputs], error) {
	state := CopyToRemoteOutputs{request.Inputs}
	id, err := process.NewID(request.Name)
	if err != nil || request.DryRun {
		return infer.CreateResponse[CopyToRemoteOutputs]{ID: id, Output: state}, err
	}
	return infer.CreateResponse[CopyToRemoteOutputs]{ID: id, Output: state}, state.copy(ctx)
}

// Update copies again where the source or its place changed, not where only the connection did.
func (CopyToRemote) Update(
	ctx context.Context, request infer.UpdateRequest[CopyToRemoteInputs, CopyToRemoteOutputs],
) (infer.UpdateResponse[CopyToRemoteOutputs], error) {
	state := CopyToRemoteOutputs{request.Inputs}
	same := state.hash() == request.State.hash() && state.RemotePath == request.State.RemotePath
	if request.DryRun || same {
		return infer.UpdateResponse[CopyToRemoteOutputs]{Output: state}, nil
	}
	return infer.UpdateResponse[CopyToRemoteOutputs]{Output: state}, state.copy(ctx)
}

func (in CopyToRemoteInputs) hash() string {
	switch {
	case in.Source.Asset != nil:
		return in.Source.Asset.Hash
	case in.Source.Archive != nil:
		return in.Source.Archive.Hash
	}
	return ""
}

func (in CopyToRemoteInputs) copy(ctx context.Context) error {
	client, err := in.Connection.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	files, err := sftp.NewClient(client)
	if err != nil {
		return fmt.Errorf("no SFTP on %s: %w", in.Connection.address(), err)
	}
	defer files.Close()
	return transfer{files}.send(in.Source, in.RemotePath)
}

type transfer struct{ files *sftp.Client }

// send follows the published provider: a directory lands inside the target, its content alone where its path ends
// in a slash; a file lands inside a target that is a directory.
func (t transfer) send(source types.AssetOrArchive, target string) error {
	switch {
	case source.Asset != nil && source.Asset.IsText():
		return t.write(strings.NewReader(source.Asset.Text), target)
	case source.Asset != nil && source.Asset.IsPath():
		return t.file(source.Asset.Path, t.inside(source.Asset.Path, target))
	case source.Archive != nil && source.Archive.IsPath():
		if !strings.HasSuffix(source.Archive.Path, "/") {
			if err := t.files.MkdirAll(target); err != nil {
				return fmt.Errorf("cannot create %s: %w", target, err)
			}
			target = path.Join(target, filepath.Base(source.Archive.Path))
		}
		return t.directory(source.Archive.Path, target)
	}
	return errors.New("source must be a FileAsset, a StringAsset or a FileArchive")
}

func (t transfer) inside(source, target string) string {
	if info, err := t.files.Stat(target); err == nil && info.IsDir() {
		return path.Join(target, filepath.Base(source))
	}
	return target
}

func (t transfer) directory(source, target string) error {
	return fs.WalkDir(os.DirFS(source), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		remote := path.Join(target, name)
		if !entry.IsDir() {
			return t.file(filepath.Join(source, name), remote)
		}
		if err := t.files.MkdirAll(remote); err != nil {
			return fmt.Errorf("cannot create %s: %w", remote, err)
		}
		return nil
	})
}

func (t transfer) file(source, target string) error {
	local, err := os.Open(source)
	if err != nil {
		return err
	}
	defer local.Close()
	return t.write(local, target)
}

func (t transfer) write(content io.Reader, target string) error {
	remote, err := t.files.Create(target)
	if err != nil {
		return fmt.Errorf("cannot create %s: %w", target, err)
	}
	if _, err := remote.ReadFrom(content); err != nil {
		_ = remote.Close()
		return fmt.Errorf("cannot write %s: %w", target, err)
	}
	return remote.Close()
}
