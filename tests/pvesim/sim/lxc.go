package sim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// lxcNoConfig are parameters of creation that do not become configuration.
var lxcNoConfig = []string{
	"vmid", "node", "ostemplate", "storage", "start", "pool", "password", "ssh-public-keys", "restore", "force", "unique",
	"bwlimit", "ignore-unpack-errors", "delete", "revert", "ha-managed",
}

// printContainerNIC prints name first, as Proxmox VE does.
func printContainerNIC(nic properties) string {
	rest := properties{}
	for key, value := range nic {
		rest[key] = value
	}
	rest[""] = "name=" + nic["name"]
	delete(rest, "name")
	return rest.String("")
}

func lxcCreate(c *call) (any, error) {
	vmid, node, pool := c.integer("vmid", 0), c.vars["node"], c.param("pool")
	if c.boolean("restore") {
		return restore(c, kindCT, c.param("ostemplate"))
	}
	if err := c.requireGuest(vmid, pool, "VM.Allocate"); err != nil {
		return nil, err
	}
	if err := c.unusedVMID(vmid); err != nil {
		return nil, fail("unable to create CT %d - %s", vmid, err)
	}
	if err := c.joinPool(vmid, pool); err != nil {
		return nil, err
	}
	template := c.param("ostemplate")
	v := c.state.volume(node, template)
	if v == nil {
		return nil, fail("volume '%s' does not exist", template)
	}
	if err := c.mayReadVolume(v); err != nil {
		return nil, err
	}
	values := c.values(lxcNoConfig...)
	storageID := c.param("storage")
	if storageID == "" {
		storageID = "local"
	}
	if values["rootfs"] == "" {
		values["rootfs"] = storageID + ":4"
	}
	for key, fallback := range map[string]string{"arch": "amd64", "memory": "512", "swap": "512", "ostype": "debian"} {
		if values[key] == "" {
			values[key] = fallback
		}
	}
	planned := &guest{VMID: vmid, Kind: kindCT, Node: node, Config: map[string]string{"unprivileged": normalBool(values["unprivileged"])}}
	if err := c.checkContainerOptions(planned, values, nil, pool); err != nil {
		return nil, err
	}
	g := c.newGuest(vmid, kindCT, node)
	g.Config["lock"] = "create"
	g.SSHKeys, g.Password = c.form.Get("ssh-public-keys"), c.form.Get("password")
	c.enterPool(g, pool)
	startNow := c.boolean("start")
	return c.start("vzcreate", vmidText(vmid), work{
		run: func(t *task) error {
			if err := c.applyContainer(g, values); err != nil {
				return fail("unable to create CT %d - %s", vmid, err)
			}
			if g.Config["hostname"] == "" {
				g.Config["hostname"] = fmt.Sprintf("CT%d", vmid)
			}
			delete(g.Config, "lock")
			t.Log = append(t.Log, "extracting archive '"+template+"'")
			if startNow {
				c.start(g.taskType("start"), vmidText(vmid), work{run: func(*task) error { return c.powerOn(g) }})
			}
			return nil
		},
		undo: func() { c.drop(g) },
	}), nil
}

// applyContainer stores options in the form in which Proxmox VE keeps them.
func (s *Sim) applyContainer(g *guest, values map[string]string) error {
	for _, key := range sortedKeys(values) {
		value := values[key]
		switch {
		case mountKey.MatchString(key):
			if err := s.setMount(g, key, value); err != nil {
				return err
			}
		case netKey.MatchString(key):
			nic := parseProperties(value, "name")
			if nic["hwaddr"] == "" {
				nic["hwaddr"] = parseProperties(g.Config[key], "name")["hwaddr"]
			}
			if nic["hwaddr"] == "" {
				nic["hwaddr"] = macAddress(g.VMID, key)
			}
			nic["hwaddr"] = strings.ToUpper(nic["hwaddr"])
			nic["type"] = "veth"
			g.Config[key] = printContainerNIC(nic)
		case key == "tags":
			tags, err := normalTags(value)
			if err != nil {
				return err
			}
			g.set(key, tags)
		case booleans[key]:
			g.Config[key] = normalBool(value)
		default:
			g.set(key, strings.TrimRight(value, ","))
		}
	}
	return nil
}

// setMount stores a mount point and allocates its volume.
func (s *Sim) setMount(g *guest, key, text string) error {
	mount := parseProperties(text, "volume")
	old := g.volid(key)
	if m := newDiskText.FindStringSubmatch(mount["volume"]); m != nil {
		sizeGiB, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return fail("unable to parse size '%s'", m[2])
		}
		sizeBytes := int64(sizeGiB * float64(gib))
		v, err := s.state.allocate(g.Node, m[1], "rootdir", g.VMID, sizeBytes, "", "")
		if err != nil {
			return err
		}
		mount["volume"], mount["size"] = v.Volid, formatSize(sizeBytes)
	} else if v := s.state.volume(g.Node, mount["volume"]); g.owns(v) {
		mount["size"] = formatSize(v.SizeBytes)
	}
	g.Config[key] = mount.String("volume")
	if old != "" && old != mount["volume"] {
		s.unlink(g, old)
	}
	return nil
}

var containerPrivilege = map[string]string{
	"cores": "VM.Config.CPU", "cpulimit": "VM.Config.CPU", "cpuunits": "VM.Config.CPU",
	"memory": "VM.Config.Memory", "swap": "VM.Config.Memory",
	"hostname": "VM.Config.Network", "nameserver": "VM.Config.Network", "searchdomain": "VM.Config.Network",
}

var devicePassthrough = regexp.MustCompile(`^dev\d+$`)

// checkContainerOptions is the check that Proxmox VE's code makes for each option that is set or deleted.
func (c *call) checkContainerOptions(g *guest, values map[string]string, deletions []string, pool string) error {
	for _, key := range sortedKeys(values) {
		if err := c.checkContainerOption(g, key, values[key], pool); err != nil {
			return err
		}
	}
	for _, key := range deletions {
		if err := c.checkContainerOption(g, key, "", pool); err != nil {
			return err
		}
	}
	if tags, found := values["tags"]; found {
		if _, err := normalTags(tags); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) checkContainerOption(g *guest, key, value, pool string) error {
	switch {
	case containerPrivilege[key] != "":
		return c.requireGuest(g.VMID, pool, containerPrivilege[key])
	case key == "features":
		return c.checkFeatures(g, value, pool)
	case key == "hookscript", devicePassthrough.MatchString(key), strings.HasPrefix(key, "lxc."):
		return c.requireRoot("configuring " + key)
	case netKey.MatchString(key):
		if err := c.requireGuest(g.VMID, pool, "VM.Config.Network"); err != nil {
			return err
		}
		return c.checkBridge(value)
	case mountKey.MatchString(key), unusedKey.MatchString(key):
		if err := c.requireGuest(g.VMID, pool, "VM.Config.Disk"); err != nil {
			return err
		}
		return c.checkMount(g, key, value)
	default:
		return c.requireGuest(g.VMID, pool, "VM.Config.Options")
	}
}

// checkFeatures lets tokens and ordinary users change nothing but the nesting of unprivileged containers.
func (c *call) checkFeatures(g *guest, value, pool string) error {
	if c.user == rootUser {
		return nil
	}
	if !isTrue(g.Config["unprivileged"]) {
		return forbidden("changing feature flags for privileged container is only allowed for root@pam")
	}
	before, after := parseProperties(g.Config["features"], ""), parseProperties(value, "")
	delete(before, "nesting")
	delete(after, "nesting")
	if before.String("") != after.String("") {
		return forbidden("changing feature flags (except nesting) is only allowed for root@pam")
	}
	return c.requireGuest(g.VMID, pool, "VM.Allocate")
}

func (c *call) checkMount(g *guest, key, value string) error {
	if value == "" || value == g.Config[key] {
		return nil
	}
	volumeID := parseProperties(value, "volume")["volume"]
	if strings.HasPrefix(volumeID, "/") {
		return c.requireRoot("mount point type bind")
	}
	if m := newDiskText.FindStringSubmatch(volumeID); m != nil {
		return c.checkStorage(g.Node, m[1], "rootdir")
	}
	v := c.state.volume(g.Node, volumeID)
	switch {
	case v == nil:
		return fail("volume '%s' does not exist", volumeID)
	case g.owns(v):
		return nil
	}
	return c.mayReadVolume(v)
}

func lxcUpdate(c *call) (any, error) {
	g, err := c.unlocked(kindCT)
	if err != nil {
		return nil, err
	}
	if err := c.checkDigest(g); err != nil {
		return nil, err
	}
	values, deletions := c.values(lxcNoConfig...), c.deletions()
	if err := c.checkContainerOptions(g, values, deletions, ""); err != nil {
		return nil, err
	}
	for _, key := range deletions {
		if err := c.removeKey(g, key, false); err != nil {
			return nil, err
		}
	}
	if err := c.applyContainer(g, values); err != nil {
		return nil, err
	}
	g.hotplug()
	c.changed()
	return nil, nil
}
