package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Config is the part of a resolved compose project that deploying needs.
type Config struct {
	// Mounts are, for each service, the files and folders that it mounts from the project's
	// folder, relative to it and sorted; "." is the folder itself.
	Mounts map[string][]string
	// Attachments are, for each service, configs and secrets that stand in the compose file
	// itself, as digests by target. Compose does not recreate a container for them.
	Attachments map[string]map[string]string
}

type configJSON struct {
	Services map[string]struct {
		Volumes []struct {
			Type   string `json:"type"`
			Source string `json:"source"`
		} `json:"volumes"`
		Configs []reference `json:"configs"`
		Secrets []reference `json:"secrets"`
	} `json:"services"`
	Configs map[string]object `json:"configs"`
	Secrets map[string]object `json:"secrets"`
}

type reference struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

type object struct {
	File        string `json:"file"`
	Content     string `json:"content"`
	Environment string `json:"environment"`
}

// ParseConfig reads `docker compose config --format json` of a project in folder.
func ParseConfig(answer []byte, folder string) (Config, error) {
	var parsed configJSON
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return Config{}, fmt.Errorf("read the answer of docker compose config: %w", err)
	}
	config := Config{Mounts: map[string][]string{}, Attachments: map[string]map[string]string{}}
	for name, service := range parsed.Services {
		mounts := []string{}
		add := func(source string) {
			if relative, ok := within(folder, source); ok {
				mounts = append(mounts, relative)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type == "bind" {
				add(volume.Source)
			}
		}
		inline := map[string]string{}
		attach := func(references []reference, objects map[string]object, kind string) {
			for _, ref := range references {
				if o := objects[ref.Source]; o.File != "" {
					add(o.File)
				} else {
					sum := sha256.Sum256([]byte(o.Content + "\x00" + o.Environment))
					inline[kind+" "+ref.Source+" "+ref.Target] = hex.EncodeToString(sum[:])
				}
			}
		}
		attach(service.Configs, parsed.Configs, "config")
		attach(service.Secrets, parsed.Secrets, "secret")
		slices.Sort(mounts)
		config.Mounts[name] = slices.Compact(mounts)
		config.Attachments[name] = inline
	}
	return config, nil
}

// within makes source relative to folder if it lies there.
func within(folder, source string) (string, bool) {
	folder, source = path.Clean(folder), path.Clean(source)
	if source == folder {
		return ".", true
	}
	return strings.CutPrefix(source, strings.TrimSuffix(folder, "/")+"/")
}
