package pve

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const roleDocument = "../../docs/proxmox-role.md"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// TestRoleCommands checks the commands from which users create the role.
func TestRoleCommands(t *testing.T) {
	for _, place := range []struct{ file, heading, version string }{
		{roleDocument, "## Proxmox VE 8\n", "8.4"},
		{roleDocument, "## Proxmox VE 9\n", "9.1"},
		{"../../README.md", "### 1. Prepare the cluster\n", "8.4"},
	} {
		_, section, found := strings.Cut(read(t, place.file), place.heading)
		require.True(t, found, place)
		command := regexp.MustCompile(`pveum role add PveHome --privs "([^"]*)"`).FindStringSubmatch(section)
		require.NotNil(t, command, place)
		require.Equal(t, Privileges(place.version), strings.Fields(command[1]), place)
	}
}

func TestRoleDocumentTable(t *testing.T) {
	listed := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\| (yes|no) \\| (yes|no) \\| (.+) \\|$").FindAllStringSubmatch(read(t, roleDocument), -1) {
		require.NotEmpty(t, strings.TrimSpace(row[4]), "why %s", row[1])
		for i, version := range []string{"8.4", "9.1"} {
			if row[i+2] == "yes" {
				listed[version] = append(listed[version], row[1])
			}
		}
	}
	for _, version := range []string{"8.4", "9.1"} {
		slices.Sort(listed[version])
		require.Equal(t, Privileges(version), listed[version], "Proxmox VE %s", version)
	}
}
