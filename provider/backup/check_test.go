package backup_test

import (
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/stretchr/testify/require"
)

func TestCheckRefuses(t *testing.T) {
	const job = `"schedule": "02:30", "storage": "backups"`
	server := unconfigured(t)
	for text, want := range map[string]string{
		job:                                                                            "vmIds: the job selects no guest: set exactly one of vmIds, pool or all",
		job + `, "vmIds": []`:                                                          "vmIds: the job selects no guest",
		job + `, "all": false`:                                                         "vmIds: the job selects no guest",
		job + `, "vmIds": [100], "all": true`:                                          "all: excludes vmIds: set exactly one of",
		job + `, "vmIds": [100], "pool": "a"`:                                          "pool: excludes vmIds",
		job + `, "pool": "a", "all": true`:                                             "all: excludes pool",
		job + `, "vmIds": [100], "excludeVmIds": [101]`:                                "excludeVmIds: needs all: true; to leave a guest out of vmIds, do not list it",
		job + `, "vmIds": [99]`:                                                        "vmIds: 99 is no VMID: those of Proxmox VE are 100 to 999999999",
		job + `, "all": true, "excludeVmIds": [1]`:                                     "excludeVmIds: 1 is no VMID",
		job + `, "all": true, "mode": "live"`:                                          `mode: "live" is not one of snapshot, suspend, stop`,
		job + `, "all": true, "compress": "none"`:                                      `compress: "none" is not one of 0, gzip, lzo, zstd`,
		job + `, "all": true, "notificationMode": "mail"`:                              `notificationMode: "mail" is not one of auto, legacy-sendmail, notification-system`,
		job + `, "all": true, "mailNotification": "never"`:                             `mailNotification: "never" is not one of always, failure`,
		job + `, "all": true, "pbsChangeDetectionMode": "x"`:                           `pbsChangeDetectionMode: "x" is not one of legacy, data, metadata`,
		job + `, "all": true, "mailTo": ["a@b.c, d@e.f"]`:                              `mailTo: "a@b.c, d@e.f" is not one recipient`,
		job + `, "all": true, "excludePaths": [""]`:                                    "excludePaths: an empty path excludes nothing",
		job + `, "all": true, "fleecing": {"storage": ""}`:                             `fleecing.storage: "" is no id of a storage`,
		job + `, "all": true, "ioNice": 9`:                                             "ioNice: 9 is out of range: 0 to 8",
		job + `, "all": true, "bwLimitKiBps": -1`:                                      "bwLimitKiBps: -1 is out of range",
		job + `, "all": true, "lockWaitMinutes": -1`:                                   "lockWaitMinutes: -1 is out of range",
		job + `, "all": true, "stopWaitMinutes": -1`:                                   "stopWaitMinutes: -1 is out of range",
		job + `, "all": true, "zstdThreads": -1`:                                       "zstdThreads: -1 is out of range",
		job + `, "all": true, "pigzThreads": -1`:                                       "pigzThreads: -1 is out of range",
		job + `, "all": true, "performance": {"maxWorkers":0}`:                         "performance.maxWorkers: 0 is out of range: 1 to 256",
		job + `, "all": true, "retention": {}`:                                         "retention: keeps nothing: set keepLast or another",
		job + `, "all": true, "retention": {"keepDaily": 0}`:                           "retention.keepDaily: 0 is out of range: 1 to",
		job + `, "all": true, "retention": {"keepDaily": 1, "keepAll": true}`:          "retention.keepAll: excludes the other keep settings",
		job + `, "all": true, "comment": "` + strings.Repeat("x", 513) + `"`:           "comment: has 513 characters: Proxmox VE takes 512",
		job + `, "all": true, "notesTemplate": "` + strings.Repeat("x", 1025) + `"`:    "notesTemplate: has 1025 characters: Proxmox VE takes 1024",
		`"schedule": " ", "storage": "backups", "all": true`:                           "schedule: is empty: give a calendar event such as 02:30",
		`"schedule": "` + strings.Repeat("1", 129) + `", "storage": "b1", "all": true`: "schedule: has 129 characters: Proxmox VE takes 128",
		`"schedule": "02:30", "storage": "/mnt", "all": true`:                          `storage: "/mnt" is no id of a storage`,
		`"schedule": "02:30", "all": true`:                                             "storage: Missing required field",
		job + `, "all": "sometimes"`:                                                   "all: ",
	} {
		answer, err := server.Check(p.CheckRequest{Urn: nightly, Inputs: inputs(t, "{"+text+"}")})
		require.NoError(t, err, text)
		require.Len(t, answer.Failures, 1, text)
		require.Contains(t, answer.Failures[0].Property+": "+answer.Failures[0].Reason, want)
	}
}

func TestCheckNamesEveryMistake(t *testing.T) {
	answer, err := unconfigured(t).Check(p.CheckRequest{Urn: nightly, Inputs: inputs(t, `{"schedule": "", "storage": "", "vmIds": [1], "mode": "x", "ioNice": 10}`)})
	require.NoError(t, err)
	var properties []string
	for _, failure := range answer.Failures {
		properties = append(properties, failure.Property)
	}
	require.Equal(t, []string{"ioNice", "mode", "schedule", "storage", "vmIds"}, properties)
}
