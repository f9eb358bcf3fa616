package templates

// LogAgent ships the journal to Loki: what services, the kernel and syslog(3) write, and containers,
// whose logs Docker then sends to the journal. Labels are host, stack, service and level. While Loki
// is away the agent waits at its place in the journal, which survives its restart, and goes on
// from there; the journal is the buffer.
type LogAgent struct {
	// Kind is LogAgentAlloy by default.
	Kind LogAgentKind
	// Version is the agent's; empty means AlloyVersion or PromtailVersion.
	Version string
	// LokiURL is Loki's push endpoint, such as https://loki.home.arpa/loki/api/v1/push.
	LokiURL string
	// Host and Stack are the values of these labels; without a Host it is the Hostname.
	Host, Stack string
}

// LogAgentKind is the program that ships logs. Both come from Grafana's repository.
type LogAgentKind string

const (
	// LogAgentAlloy is Grafana Alloy.
	LogAgentAlloy LogAgentKind = "alloy"
	// LogAgentPromtail is end-of-life since 2026-03-02, for those who have it everywhere else.
	LogAgentPromtail LogAgentKind = "promtail"
)

// logAgentProgram is what differs between the agents.
type logAgentProgram struct {
	version, config, template string
}

var logAgentPrograms = map[LogAgentKind]logAgentProgram{
	LogAgentAlloy:    {AlloyVersion, "/etc/alloy/config.alloy", "logagent/config.alloy.tmpl"},
	LogAgentPromtail: {PromtailVersion, "/etc/promtail/config.yml", "logagent/promtail.yml.tmpl"},
}

func (u UserData) logAgentPart() (p part, err error) {
	if u.LogAgent == nil {
		return p, nil
	}
	agent := *u.LogAgent
	if agent.Kind == "" {
		agent.Kind = LogAgentAlloy
	}
	if agent.Host == "" {
		agent.Host = u.Hostname
	}
	program := logAgentPrograms[agent.Kind]
	if agent.Version == "" {
		agent.Version = program.version
	}
	name := string(agent.Kind)
	pinned := pin{Packages: []string{name}, Version: versionPattern(agent.Version)}
	if err := p.addRepository(grafanaRepository, pinned); err != nil {
		return p, err
	}
	if err := p.add(program.config, program.template, agent); err != nil {
		return p, err
	}
	if err := p.add("/etc/systemd/system/"+name+".service.d/pve-home.conf", "logagent/service.tmpl", name); err != nil {
		return p, err
	}
	service := name + ".service"
	p.steps = append(p.steps, install(pinned), []string{"systemctl", "enable", service}, []string{"systemctl", "restart", service})
	return p, nil
}
