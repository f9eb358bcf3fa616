package templates

// TimeSync keeps the clock right through cloud-init's ntp module.
type TimeSync struct {
	// Client is systemd-timesyncd or chrony; empty means the distribution's.
	Client TimeClient
	// Servers are names or addresses; without any, the distribution's pool.
	Servers []string
}

// TimeClient is the program that sets the clock.
type TimeClient string

// The clients that Debian and Ubuntu have packages of.
const (
	TimeClientDistribution TimeClient = ""
	TimeClientTimesyncd    TimeClient = "systemd-timesyncd"
	TimeClientChrony       TimeClient = "chrony"
)
