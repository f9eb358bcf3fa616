// Package preflight checks everything that would fail a `pulumi up` before it is run: the
// configuration, the way to the cluster, what the token may do, and what the guests of the stack ask
// of nodes, datastores, bridges and templates. It changes nothing.
package preflight

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pve-home/pve-home/components/pve"
	"github.com/pve-home/pve-home/stacks/config"
)

// checkTimeout bounds one check; each request has a shorter one of its own.
const checkTimeout = time.Minute

// Input is what the checks need to know.
type Input struct {
	// Project and Stack are Pulumi's names, Values the settings of the stack.
	Project, Stack string
	Values         map[string]config.Value
	// KnownHosts is the file with the host keys of the nodes, the one that the provider uses.
	KnownHosts string
	// AgentSocket is where the SSH agent listens, empty when there is none.
	AgentSocket string
}

// checks in the order in which they run. One whose needs have not succeeded is skipped.
var checks = []struct {
	name  string
	needs []string
	run   func(*state, context.Context) []Finding
}{
	{name: Configuration, run: (*state).configuration},
	{name: Endpoint, needs: []string{Configuration}, run: (*state).endpoint},
	{name: Certificate, needs: []string{Endpoint}, run: (*state).certificate},
	{name: Token, needs: []string{Certificate}, run: (*state).token},
	{name: Version, needs: []string{Token}, run: (*state).supportedVersion},
	{name: Privileges, needs: []string{Version}, run: (*state).privileges},
	{name: Nodes, needs: []string{Token}, run: (*state).nodes},
	{name: VMIDs, needs: []string{Token}, run: (*state).vmids},
	{name: Datastores, needs: []string{Nodes}, run: (*state).datastores},
	{name: Space, needs: []string{Datastores}, run: (*state).space},
	{name: Bridges, needs: []string{Nodes}, run: (*state).bridges},
	{name: Templates, needs: []string{Token}, run: (*state).templates},
	{name: ContainerTemplates, needs: []string{Nodes}, run: (*state).containerTemplates},
	{name: Addresses, needs: []string{Token}, run: (*state).addresses},
	{name: SSH, needs: []string{Configuration}, run: (*state).ssh},
	{name: Firewall, needs: []string{Token}, run: (*state).firewall},
	{name: Clock, needs: []string{Nodes}, run: (*state).clock},
}

// The names of the checks.
const (
	Configuration      = "configuration"
	Endpoint           = "endpoint"
	Certificate        = "certificate"
	Token              = "token"
	Version            = "version"
	Privileges         = "privileges"
	Nodes              = "nodes"
	Datastores         = "datastores"
	Space              = "space"
	Bridges            = "bridges"
	VMIDs              = "vmids"
	Templates          = "templates"
	ContainerTemplates = "container-templates"
	Addresses          = "addresses"
	SSH                = "ssh"
	Firewall           = "firewall"
	Clock              = "clock"
)

// state is what the checks have found out for those that follow.
type state struct {
	Input
	report Report

	cfg    *config.Config
	login  config.SSHLogin
	client *pve.Client
	// certificates is the chain that the endpoint shows.
	certificates []*x509.Certificate
	// version is that of Proxmox VE, such as 8.4.14.
	version string
	// guests are those of the cluster by VMID; nil before somebody asked.
	guests map[int]pve.Guest
	// online are the nodes of the configuration that answer, sorted.
	online []string
	// stores are the datastores by node and name.
	stores map[string]map[string]pve.NodeDatastore
}

// Run runs all checks and hands each result to done as soon as it is there. After a cancelled ctx
// the report is incomplete.
func Run(ctx context.Context, in Input, done func(Result)) Report {
	s := &state{Input: in, report: Report{Stack: in.Stack}}
	for _, check := range checks {
		if ctx.Err() != nil {
			break
		}
		result := Result{Check: check.name}
		if missing := s.missing(check.needs); missing != "" {
			result.Findings = []Finding{skipped("needs the check %s", missing)}
		} else {
			timeout, cancel := context.WithTimeout(ctx, checkTimeout)
			result.Findings = check.run(s, timeout)
			cancel()
		}
		result.Status = worst(result.Findings)
		s.report.Checks = append(s.report.Checks, result)
		done(result)
	}
	return s.report
}

// missing names the first need that has not succeeded.
func (s *state) missing(needs []string) string {
	for _, need := range needs {
		if status := s.report.Status(need); status != OK && status != Warn {
			return need
		}
	}
	return ""
}

func ok(format string, args ...any) Finding {
	return Finding{Status: OK, Message: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) Finding {
	return Finding{Status: Warn, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(fix, format string, args ...any) Finding {
	return Finding{Status: Fail, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func skipped(format string, args ...any) Finding {
	return Finding{Status: Skipped, Message: fmt.Sprintf(format, args...)}
}

// findings returns the problems, each once, or that all is well.
func findings(problems []Finding, format string, args ...any) []Finding {
	var once []Finding
	for _, p := range problems {
		if !slices.Contains(once, p) {
			once = append(once, p)
		}
	}
	if len(once) > 0 {
		return once
	}
	return []Finding{ok(format, args...)}
}

// failed says that Proxmox did not answer a question. What a missing privilege hides is no failure
// of its own.
func (s *state) failed(err error) Finding {
	var answer *pve.Error
	if errors.As(err, &answer) && answer.Code == http.StatusForbidden && s.report.Status(Privileges) == Fail {
		return skipped("%s: see the check %s", err, Privileges)
	}
	return fail("Look at the task log and at `journalctl -u pvedaemon -u pveproxy` of the node", "%s", err)
}

// names joins the words of a set for a message.
func names[V any](m map[string]V) string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
