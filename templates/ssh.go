package templates

// sshDropIn comes before cloud-init's own 50-cloud-init.conf: sshd takes the first value it reads
// (sshd_config(5)). It is written before sshd starts.
const sshDropIn = "/etc/ssh/sshd_config.d/10-pve-home.conf"

func (u UserData) sshPart() (p part, err error) {
	if !u.HardenSSH {
		return p, nil
	}
	return p, p.add(sshDropIn, "cloud-init/sshd.conf.tmpl", nil)
}
