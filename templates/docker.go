package templates

// Docker is Docker Engine with the Compose plugin, from Docker's repository.
type Docker struct {
	// Version of the engine; empty means DockerVersion. With fewer than two dots, such as 29, it is
	// the newest of that line at first boot.
	Version string
	// ComposeVersion is the plugin's; empty means ComposeVersion.
	ComposeVersion string
	// RegistryMirrors are URLs that images of Docker Hub are asked for first.
	RegistryMirrors []string
	// DataRoot is where volumes and containers live, such as a folder on a data disk; empty means
	// /var/lib/docker. Docker does not start when the disk below it is not mounted.
	DataRoot string
}

func (d Docker) pins() []pin {
	version, compose := d.Version, d.ComposeVersion
	if version == "" {
		version = DockerVersion
	}
	if compose == "" {
		compose = ComposeVersion
	}
	return []pin{
		// The epoch is the same for all versions since Docker CE 18.09.
		{Packages: []string{"docker-ce", "docker-ce-cli", "docker-ce-rootless-extras"}, Version: "5:" + versionPattern(version)},
		{Packages: []string{"docker-compose-plugin"}, Version: versionPattern(compose)},
	}
}

func (u UserData) dockerPart() (p part, err error) {
	if u.Docker == nil {
		return p, nil
	}
	data := struct {
		Docker
		// Journal sends containers' logs where the log agent reads them without Docker's socket,
		// which is as good as root.
		Journal bool
	}{*u.Docker, u.LogAgent != nil}
	pins := u.Docker.pins()
	if err := p.addRepository(dockerRepository, pins...); err != nil {
		return p, err
	}
	// Docker starts when its package is installed, so its files come first.
	if err := p.add("/etc/docker/daemon.json", "docker/daemon.json.tmpl", data); err != nil {
		return p, err
	}
	if data.Journal || data.DataRoot != "" {
		if err := p.add("/etc/systemd/system/docker.service.d/pve-home.conf", "docker/docker.service.tmpl", data); err != nil {
			return p, err
		}
	}
	p.steps = append(p.steps, append(install(pins...), "containerd.io"))
	return p, nil
}
