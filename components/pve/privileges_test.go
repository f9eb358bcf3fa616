package pve

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The document is what users create the role from.
func roleDocument(t *testing.T) string {
	t.Helper()
	document, err := os.ReadFile("../../docs/proxmox-role.md")
	require.NoError(t, err)
	return string(document)
}

func TestRoleDocumentCommands(t *testing.T) {
	document := roleDocument(t)
	for heading, version := range map[string]string{"8": "8.4", "9": "9.1"} {
		_, section, found := strings.Cut(document, "## Proxmox VE "+heading+"\n")
		require.True(t, found, heading)
		command := regexp.MustCompile(`pveum role add PveHome --privs "([^"]*)"`).FindStringSubmatch(section)
		require.NotNil(t, command, heading)
		require.Equal(t, Privileges(version), strings.Fields(command[1]), "Proxmox VE %s", version)
	}
}

func TestRoleDocumentTable(t *testing.T) {
	listed := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\| (yes|no) \\| (yes|no) \\| (.+) \\|$").FindAllStringSubmatch(roleDocument(t), -1) {
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
