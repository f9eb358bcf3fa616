package guest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// CloudInit is how a guest's first boot went.
type CloudInit struct {
	// Status is cloud-init's word: done, error, running, disabled; "" where it is not installed.
	Status string
	// Messages are its errors and warnings.
	Messages []string
	// Failed tells an error from a boot that ended, if with warnings.
	Failed bool
}

// Exit statuses of a shell and of `cloud-init status`
// (https://docs.cloud-init.io/en/latest/explanation/return_codes.html).
const (
	exitNotFound    = 127
	exitRecoverable = 2
)

// WaitForCloudInit waits until cloud-init has finished. A guest without cloud-init has finished.
func (g *Guest) WaitForCloudInit(ctx context.Context) (CloudInit, error) {
	waited, err := g.Run(ctx, "cloud-init", "status", "--wait")
	if err != nil {
		return CloudInit{}, fmt.Errorf("wait for cloud-init: %w", err)
	}
	switch waited.ExitStatus {
	case 0:
		return CloudInit{Status: "done"}, nil
	case exitNotFound:
		return CloudInit{}, nil
	}
	long, err := g.Run(ctx, "cloud-init", "status", "--long")
	if err != nil {
		return CloudInit{}, fmt.Errorf("ask cloud-init: %w", err)
	}
	answer := ParseCloudInitStatus(long.Stdout)
	answer.Failed = long.ExitStatus != 0 && long.ExitStatus != exitRecoverable
	if answer.Failed && len(answer.Messages) == 0 {
		answer.Messages = []string{long.Text()}
	}
	return answer, nil
}

var statusKey = regexp.MustCompile(`^([A-Za-z_]+):(.*)$`)

// ParseCloudInitStatus reads `cloud-init status --long`. Versions differ: the message of an error
// stands in the line after `detail:`, or as a list after `errors:` and `recoverable_errors:`.
func ParseCloudInitStatus(text string) CloudInit {
	var answer CloudInit
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if m := statusKey.FindStringSubmatch(line); m != nil {
			section = m[1]
			if section == "status" {
				answer.Status = strings.TrimSpace(m[2])
			}
			continue
		}
		message := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "-"))
		switch section {
		case "detail", "errors", "recoverable_errors", "ERROR", "WARNING", "CRITICAL", "DEPRECATED":
			if message != "" {
				answer.Messages = append(answer.Messages, message)
			}
		}
	}
	return answer
}
