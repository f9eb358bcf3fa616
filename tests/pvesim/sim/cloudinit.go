package sim

import (
	"fmt"
	"strings"
)

// cloudInitPending lists the cloud-init options; the running guest knows those of its last start.
func cloudInitPending(c *call) (any, error) {
	g, err := c.guest(kindVM)
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, key := range sortedKeys(g.Config) {
		if !cloudInitOptions[key] && !ipConfigKey.MatchString(key) && key != "name" {
			continue
		}
		entry := map[string]any{"key": key, "value": g.Config[key]}
		if g.Effective != nil && g.Effective[key] != g.Config[key] {
			entry["value"], entry["pending"] = g.Effective[key], g.Config[key]
		}
		list = append(list, entry)
	}
	return list, nil
}

func cloudInitRegenerate(c *call) (any, error) {
	g, err := c.unlocked(kindVM)
	if err != nil {
		return nil, err
	}
	if !g.hasCloudInit() {
		return nil, fail("no cloudinit drive found")
	}
	return nil, nil
}

// cloudInitDump is the content of the generated drive, or the snippet that replaces it.
func cloudInitDump(c *call) (any, error) {
	g, err := c.guest(kindVM)
	if err != nil {
		return nil, err
	}
	part := c.param("type")
	if volid := parseProperties(g.Config["cicustom"], "")[part]; volid != "" {
		v := c.state.volume(g.Node, volid)
		if v == nil {
			return nil, fail("volume '%s' does not exist", volid)
		}
		return string(v.Data), nil
	}
	switch part {
	case "user":
		text := fmt.Sprintf("#cloud-config\nhostname: %s\nmanage_etc_hosts: true\n", g.name())
		id := &identity{Users: map[string][]string{}}
		if err := id.fromOptions(g); err != nil {
			return nil, err
		}
		for name, keys := range id.Users {
			text += "user: " + name + "\nssh_authorized_keys:\n  - " + strings.Join(keys, "\n  - ") + "\n"
		}
		return text, nil
	case "network":
		p := parseProperties(g.Config["ipconfig0"], "")
		return fmt.Sprintf("version: 1\nconfig:\n  - type: physical\n    name: eth0\n    subnets:\n      - type: static\n        address: '%s'\n        gateway: '%s'\n", p["ip"], p["gw"]), nil
	}
	return "instance-id: " + g.digest() + "\n", nil
}

// containerInterfaces is what a running container reports.
func containerInterfaces(c *call) (any, error) {
	g, err := c.guest(kindCT)
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	if g.Status != statusRunning || g.Booted == nil {
		return list, nil
	}
	list = append(list, map[string]any{"name": "lo", "hwaddr": "00:00:00:00:00:00", "inet": "127.0.0.1/8"})
	nic := parseProperties(g.Config["net0"], "name")
	if nic["name"] != "" {
		entry := map[string]any{"name": nic["name"], "hwaddr": strings.ToLower(nic["hwaddr"])}
		if g.Booted.Address.IsValid() {
			entry["inet"] = fmt.Sprintf("%s/%d", g.Booted.Address, g.Booted.PrefixBits)
		}
		list = append(list, entry)
	}
	return list, nil
}

// featureCheck says whether a guest's storages can do what is asked.
func featureCheck(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		g, err := c.guest(kind)
		if err != nil {
			return nil, err
		}
		able := true
		for _, key := range g.diskKeys() {
			if v := c.state.volume(g.Node, g.volid(key)); g.owns(v) && !isCloudInit(v.Volid) && c.param("feature") == "snapshot" {
				able = able && snapshotable(c.state.Storages[v.Storage], v)
			}
		}
		return map[string]any{"hasFeature": bit(able), "nodes": c.nodeNames()}, nil
	}
}
