package templates

// UnattendedUpgrades installs security updates of Debian and Ubuntu every day
// (https://wiki.debian.org/UnattendedUpgrades).
type UnattendedUpgrades struct {
	// RebootAt is HH:MM in the guest's time zone, when the guest reboots if an update asks for it;
	// empty means never.
	RebootAt string
}

func (u UserData) upgradesPart() (p part, err error) {
	if u.UnattendedUpgrades == nil {
		return p, nil
	}
	p.packages = []string{"unattended-upgrades"}
	// After the packages' own 20auto-upgrades and 50unattended-upgrades: later files win.
	return p, p.add("/etc/apt/apt.conf.d/60pve-home-unattended-upgrades", "apt/unattended-upgrades.tmpl", u.UnattendedUpgrades)
}
