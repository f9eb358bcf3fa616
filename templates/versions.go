package templates

import "strings"

// Versions of what a first boot installs from repositories other than the distribution's, one
// place for all. A version with two dots is that release, with fewer the newest of its line.
const (
	// DockerVersion is Docker Engine's (https://docs.docker.com/engine/release-notes/29/).
	DockerVersion = "29.8.2"
	// ComposeVersion is the Docker Compose plugin's (https://docs.docker.com/compose/releases/release-notes/).
	ComposeVersion = "5.6.0"
	// AlloyVersion is Grafana Alloy's (https://grafana.com/docs/alloy/latest/release-notes/).
	AlloyVersion = "1.20.1"
	// PromtailVersion is of the last line there was: Promtail is end-of-life since 2026-03-02
	// and gets no fixes (https://grafana.com/docs/loki/latest/send-data/promtail/).
	PromtailVersion = "3.6.11"
)

// versionPattern is what apt matches against a Debian version, upstream's with a revision behind.
func versionPattern(version string) string {
	if strings.Count(version, ".") < 2 {
		version += "."
	}
	return version + "*"
}
