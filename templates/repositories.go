package templates

// aptRepository is a repository besides the distribution's. Its key is fetched from the publisher at
// first boot and accepted by its fingerprint alone: so a key whose expiry was extended keeps working,
// which one that is written here would not, and no key server is needed.
type aptRepository struct {
	name string
	// uri and suite may hold {id} and {codename} of the guest's os-release.
	uri, suite, component string
	keyURL                string
	// fingerprint is of the primary key.
	fingerprint string
}

var (
	// https://docs.docker.com/engine/install/debian/#install-using-the-repository; key "Docker
	// Release (CE deb)", the same for Debian and Ubuntu.
	dockerRepository = aptRepository{
		name: "docker", uri: "https://download.docker.com/linux/{id}", suite: "{codename}", component: "stable",
		keyURL:      "https://download.docker.com/linux/{id}/gpg",
		fingerprint: "9DC858229FC7DD38854AE2D88D81803C0EBFCD88",
	}
	// https://apt.grafana.com; key "Grafana Labs <engineering@grafana.com>".
	grafanaRepository = aptRepository{
		name: "grafana", uri: "https://apt.grafana.com", suite: "stable", component: "main",
		keyURL:      "https://apt.grafana.com/gpg.key",
		fingerprint: "B53AE77BADB630A683046005963FA27710458545",
	}
)

// addRepository makes packages of a repository available, and keeps those of pins at their version.
func (p *part) addRepository(r aptRepository, pins ...pin) error {
	p.packages = append(p.packages, "ca-certificates", "curl", "gnupg")
	p.steps = append(p.steps, []string{scriptAptRepository, r.name, r.uri, r.suite, r.component, r.keyURL, r.fingerprint})
	return p.add("/etc/apt/preferences.d/pve-home-"+r.name, "apt/preferences.tmpl", pins)
}

// pin keeps packages at a version: neither an upgrade nor unattended-upgrades moves them.
type pin struct {
	Packages []string
	// Version may end in an asterisk.
	Version string
}

// install returns the step that installs the packages at their version; it fails where the
// repository does not have it, instead of taking another.
func install(pins ...pin) []string {
	step := []string{scriptAptInstall}
	for _, p := range pins {
		for _, name := range p.Packages {
			step = append(step, name+"="+p.Version)
		}
	}
	return step
}
