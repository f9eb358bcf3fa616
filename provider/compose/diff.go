package compose

import (
	"context"
	"fmt"
	"maps"
	"slices"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/pve-home/pve-home/provider/compose/docker"
	"github.com/pve-home/pve-home/provider/compose/guest"
)

// Diff names exactly what changes: for a file, its content, mode or owner.
func (*Project) Diff(_ context.Context, req infer.DiffRequest[ProjectArgs, ProjectState]) (infer.DiffResponse, error) {
	changes := differences{}
	was, is := req.State, req.Inputs
	changes.connection(was, is)
	changes.replace("projectName", was.ProjectName, is.ProjectName)
	changes.replace("directory", was.Directory, is.Directory)
	changes.files("files", was.Files, is.Files)
	changes.files("secretFiles", asSecretFiles(was.SecretFiles), asSecretFiles(is.SecretFiles))
	changes.list("composeFiles", was.ComposeFiles, is.ComposeFiles)
	diffList(changes, "beforeUp", was.BeforeUp, is.BeforeUp, func(a, b Hook) bool {
		return a.TimeoutSeconds == b.TimeoutSeconds && slices.Equal(a.Command, b.Command)
	})
	diffList(changes, "healthChecks", was.HealthChecks, is.HealthChecks, func(a, b HealthCheck) bool { return a == b })
	changes.timeouts(was.limits(), is.limits())
	if was.RemoveVolumes != is.RemoveVolumes {
		changes.update("removeVolumes")
	}
	// What the guest said: services that are down, a deployment whose end is unknown.
	for _, name := range slices.Sorted(maps.Keys(was.Services)) {
		if !docker.Fine(was.Services[name]) {
			changes[fileKey("services", name)] = p.PropertyDiff{Kind: p.Update}
		}
	}
	if was.Release == "" {
		changes["release"] = p.PropertyDiff{Kind: p.Update}
	}
	return infer.DiffResponse{
		HasChanges: len(changes) > 0,
		// The new project would come up in the way of the old one: same guest, same ports.
		DeleteBeforeReplace: changes.replacesInPlace(),
		DetailedDiff:        changes,
	}, nil
}

type differences map[string]p.PropertyDiff

func (d differences) set(key string, kind p.DiffKind) {
	d[key] = p.PropertyDiff{Kind: kind, InputDiff: true}
}
func (d differences) update(key string) { d.set(key, p.Update) }

func (d differences) text(key, was, is string) {
	switch {
	case was == is:
	case was == "":
		d.set(key, p.Add)
	case is == "":
		d.set(key, p.Delete)
	default:
		d.update(key)
	}
}

// replace leaves a value that a preview does not know to the update.
func (d differences) replace(key, was, is string) {
	if was != is && is != "" {
		d.set(key, p.UpdateReplace)
	} else if was != is {
		d.update(key)
	}
}

// replacesInPlace tells whether the replacement lives on the same guest.
func (d differences) replacesInPlace() bool {
	return d["connection.host"].Kind != p.UpdateReplace &&
		(d["projectName"].Kind == p.UpdateReplace || d["directory"].Kind == p.UpdateReplace)
}

func (d differences) connection(was ProjectState, is ProjectArgs) {
	before, after := was.Connection, is.Connection
	d.text("connection.host", before.Host, after.Host)
	if before.Port != after.Port {
		d.update("connection.port")
	}
	if before.Host != after.Host && after.Host != "" && after.HostKey != "" && !guest.SameHostKey(after.HostKey, was.HostKey) {
		// Another machine by name and by key: the project moves, and the old machine is cleared.
		d.set("connection.host", p.UpdateReplace)
	}
	d.text("connection.user", before.User, after.User)
	d.text("connection.privateKey", before.PrivateKey, after.PrivateKey)
	d.text("connection.privateKeyFile", before.PrivateKeyFile, after.PrivateKeyFile)
	if before.Agent != after.Agent {
		d.update("connection.agent")
	}
	// A pin of the key that is known anyway is no change.
	if before.HostKey != after.HostKey && !guest.SameHostKey(after.HostKey, was.HostKey) {
		d.text("connection.hostKey", before.HostKey, after.HostKey)
	}
}

func (d differences) files(property string, was, is map[string]File) {
	for name, before := range was {
		after, ok := is[name]
		key := fileKey(property, name)
		if !ok {
			d.set(key, p.Delete)
			continue
		}
		if before.Content != after.Content {
			d.update(key + ".content")
		}
		if before.mode() != after.mode() {
			d.update(key + ".mode")
		}
		if before.owner() != after.owner() {
			d.text(key+".owner", before.Owner, after.Owner)
		}
	}
	for name := range is {
		if _, ok := was[name]; !ok {
			d.set(fileKey(property, name), p.Add)
		}
	}
}

func (d differences) list(property string, was, is []string) {
	diffList(d, property, was, is, func(a, b string) bool { return a == b })
}

func diffList[T any](d differences, property string, was, is []T, same func(a, b T) bool) {
	for i := range max(len(was), len(is)) {
		key := fmt.Sprintf("%s[%d]", property, i)
		switch {
		case i >= len(was):
			d.set(key, p.Add)
		case i >= len(is):
			d.set(key, p.Delete)
		case !same(was[i], is[i]):
			d.update(key)
		}
	}
}

func (d differences) timeouts(was, is Timeouts) {
	for name, changed := range map[string]bool{
		"connectSeconds": was.ConnectSeconds != is.ConnectSeconds, "cloudInitSeconds": was.CloudInitSeconds != is.CloudInitSeconds,
		"uploadSeconds": was.UploadSeconds != is.UploadSeconds, "upSeconds": was.UpSeconds != is.UpSeconds,
		"healthSeconds": was.HealthSeconds != is.HealthSeconds,
	} {
		if changed {
			d.update("timeouts." + name)
		}
	}
}
