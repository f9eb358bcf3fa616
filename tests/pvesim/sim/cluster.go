package sim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// pveRelease is the version that the nodes report.
func (s *Sim) pveRelease() string {
	if s.is9() {
		return "9.1.1"
	}
	return "8.4.14"
}

func versionGet(c *call) (any, error) {
	return map[string]any{"version": c.pveRelease(), "release": c.opts.Version, "repoid": "5e2f51a4d3f8a7c1"}, nil
}

const (
	// nodeCPUs, nodeMemoryBytes and nodeDiskBytes are the hardware of every node.
	nodeCPUs        = 16
	nodeMemoryBytes = 64 * gib
	nodeDiskBytes   = 100 * gib
)

func (s *Sim) nodeSummary(name string) map[string]any {
	var memory int64
	for _, g := range s.state.Guests {
		if g.Node == name && g.Status == statusRunning {
			memory += g.memoryBytes() / 4
		}
	}
	return map[string]any{
		"node": name, "status": "online", "id": "node/" + name, "type": "node", "level": "", "ssl_fingerprint": "",
		"maxcpu": nodeCPUs, "maxmem": nodeMemoryBytes, "maxdisk": nodeDiskBytes,
		"cpu": 0.02, "mem": 2*gib + memory, "disk": 10 * gib, "uptime": 86400,
	}
}

func nodesList(c *call) (any, error) {
	list := []map[string]any{}
	for _, name := range c.nodeNames() {
		list = append(list, c.nodeSummary(name))
	}
	return list, nil
}

// clusterResources lists what the caller may see; an unknown type lists nothing.
func clusterResources(c *call) (any, error) {
	kind := c.param("type")
	list := []map[string]any{}
	if kind == "" || kind == "vm" {
		for _, vmid := range slices.Sorted(maps.Keys(c.state.Guests)) {
			if g := c.state.Guests[vmid]; c.allowed("/vms/"+vmidText(vmid), "VM.Audit") {
				c.use("VM.Audit")
				list = append(list, c.guestResource(g))
			}
		}
	}
	if kind == "" || kind == "node" {
		for _, name := range c.nodeNames() {
			if c.allowed("/nodes/"+name, "Sys.Audit") {
				list = append(list, c.nodeSummary(name))
			} else {
				list = append(list, map[string]any{"node": name, "id": "node/" + name, "type": "node", "status": "online"})
			}
		}
	}
	if kind == "" || kind == "storage" {
		for _, node := range c.nodeNames() {
			for _, id := range sortedKeys(c.state.Storages) {
				def := c.state.Storages[id]
				if def.on(node) && (c.allowed("/storage/"+id, "Datastore.Audit") || c.allowed("/storage/"+id, "Datastore.AllocateSpace")) {
					list = append(list, map[string]any{
						"id": "storage/" + node + "/" + id, "type": "storage", "storage": id, "node": node, "status": "available",
						"shared": bit(def.Shared), "content": strings.Join(def.Content, ","), "plugintype": def.Type,
						"disk": c.state.usedBytes(node, def), "maxdisk": int64(def.SizeGiB) * gib,
					})
				}
			}
		}
	}
	if kind == "" || kind == "pool" {
		for _, id := range sortedKeys(c.state.Pools) {
			if c.allowed("/pool/"+id, "Pool.Audit") {
				list = append(list, map[string]any{"id": "/pool/" + id, "type": "pool", "pool": id})
			}
		}
	}
	if (kind == "" || kind == "sdn") && !c.is9() {
		for _, node := range c.nodeNames() {
			list = append(list, map[string]any{"id": "sdn/" + node + "/localnetwork", "type": "sdn", "sdn": "localnetwork", "node": node, "status": "ok"})
		}
	}
	return list, nil
}

func (s *Sim) guestResource(g *guest) map[string]any {
	m := s.summary(g)
	m["id"], m["type"], m["node"], m["maxcpu"] = g.Kind+"/"+vmidText(g.VMID), g.Kind, g.Node, m["cpus"]
	m["template"] = bit(g.template())
	delete(m, "cpus")
	delete(m, "pid")
	if pool := s.poolOf("/vms/" + vmidText(g.VMID)); pool != "" {
		m["pool"] = pool
	}
	if s.haManaged(g) {
		m["hastate"] = s.state.Groupings[haResources][haSID(g)]["state"]
	}
	return m
}

func clusterStatus(c *call) (any, error) {
	list := []map[string]any{{
		"type": "cluster", "id": "cluster", "name": "pvesim", "nodes": len(c.opts.Nodes), "quorate": 1, "version": len(c.opts.Nodes),
	}}
	for i, n := range c.opts.Nodes {
		list = append(list, map[string]any{
			"type": "node", "id": "node/" + n.Name, "name": n.Name, "nodeid": i + 1, "ip": n.Address, "online": 1,
			"local": bit(i == 0), "level": "",
		})
	}
	return list, nil
}

// lowestVMID is the first that nextid offers.
const lowestVMID = 100

func nextID(c *call) (any, error) {
	if c.has("vmid") {
		vmid := c.integer("vmid", 0)
		if vmid < lowestVMID {
			return nil, badParam("vmid", "value must have a minimum value of %d", lowestVMID)
		}
		if g := c.state.Guests[vmid]; g != nil {
			return nil, badParam("vmid", "VM %d already exists", vmid)
		}
		return vmidText(vmid), nil
	}
	vmid := lowestVMID
	for c.state.Guests[vmid] != nil {
		vmid++
	}
	return vmidText(vmid), nil
}

func clusterOptions(c *call) (any, error) {
	options := map[string]any{"keyboard": "en-us", "mac_prefix": "BC:24:11"}
	for key, value := range c.state.Cluster {
		options[key] = value
	}
	return options, nil
}

func clusterOptionsUpdate(c *call) (any, error) {
	c.update(c.state.Cluster)
	return nil, nil
}

// update stores the call's values in a map of options and removes those that delete names.
func (c *call) update(options map[string]string) {
	for key, value := range c.values("delete") {
		options[key] = value
	}
	for _, key := range c.deletions() {
		delete(options, key)
	}
	c.changed()
}

func nodeStatus(c *call) (any, error) {
	m := c.nodeSummary(c.vars["node"])
	return map[string]any{
		"uptime": m["uptime"], "cpu": m["cpu"], "wait": 0, "idle": 0, "pveversion": "pve-manager/" + c.pveRelease(),
		"kversion": "Linux 6.8.12-15-pve", "loadavg": []string{"0.10", "0.08", "0.05"},
		"cpuinfo":   map[string]any{"cpus": nodeCPUs, "cores": nodeCPUs / 2, "sockets": 1, "model": "Simulated CPU", "mhz": "3000.000", "hvm": "1"},
		"memory":    map[string]any{"total": nodeMemoryBytes, "used": m["mem"], "free": nodeMemoryBytes - m["mem"].(int64)},
		"rootfs":    map[string]any{"total": nodeDiskBytes, "used": m["disk"], "avail": nodeDiskBytes - m["disk"].(int64), "free": nodeDiskBytes - m["disk"].(int64)},
		"swap":      map[string]any{"total": 8 * gib, "used": 0, "free": 8 * gib},
		"boot-info": map[string]any{"mode": "efi", "secureboot": 0},
	}, nil
}

func nodeTime(c *call) (any, error) {
	now := time.Now()
	return map[string]any{"time": now.Unix(), "localtime": now.Unix(), "timezone": c.state.NodeConfig[c.vars["node"]]["timezone"]}, nil
}

func nodeTimeUpdate(c *call) (any, error) {
	c.state.NodeConfig[c.vars["node"]]["timezone"] = c.param("timezone")
	c.changed()
	return nil, nil
}

func nodeDNS(c *call) (any, error) {
	config := c.state.NodeConfig[c.vars["node"]]
	answer := map[string]string{}
	for _, key := range []string{"search", "dns1", "dns2", "dns3"} {
		if config[key] != "" {
			answer[key] = config[key]
		}
	}
	return answer, nil
}

func nodeDNSUpdate(c *call) (any, error) {
	c.update(c.state.NodeConfig[c.vars["node"]])
	return nil, nil
}

func nodeHosts(c *call) (any, error) {
	data := c.state.NodeConfig[c.vars["node"]]["hosts"]
	if data == "" {
		data = "127.0.0.1 localhost.localdomain localhost\n"
		for _, n := range c.opts.Nodes {
			data += n.Address + " " + n.Name + "\n"
		}
	}
	return map[string]any{"data": data, "digest": digestOf(data)}, nil
}

func nodeHostsUpdate(c *call) (any, error) {
	c.state.NodeConfig[c.vars["node"]]["hosts"] = c.param("data")
	c.changed()
	return nil, nil
}

func (s *Sim) networkInterface(node, iface string) map[string]any {
	answer := map[string]any{}
	for key, value := range s.state.Networks[node][iface] {
		switch key {
		case "active", "autostart", "exists", "bridge_vlan_aware":
			answer[key] = bit(isTrue(value))
		default:
			answer[key] = value
		}
	}
	answer["iface"] = iface
	return answer
}

func networkList(c *call) (any, error) {
	list := []map[string]any{}
	node := c.vars["node"]
	for _, iface := range sortedKeys(c.state.Networks[node]) {
		kind := c.state.Networks[node][iface]["type"]
		switch wanted := c.param("type"); {
		case wanted == "" || wanted == kind, strings.HasPrefix(wanted, "any_") && strings.HasSuffix(kind, "bridge"), wanted == "include_sdn":
			list = append(list, c.networkInterface(node, iface))
		}
	}
	return list, nil
}

func networkGet(c *call) (any, error) {
	if c.state.Networks[c.vars["node"]][c.vars["iface"]] == nil {
		return nil, badParam("iface", "interface does not exist")
	}
	return c.networkInterface(c.vars["node"], c.vars["iface"]), nil
}

func networkCreate(c *call) (any, error) {
	interfaces, iface := c.state.Networks[c.vars["node"]], c.param("iface")
	if interfaces[iface] != nil {
		return nil, badParam("iface", "interface already exists")
	}
	interfaces[iface] = map[string]string{}
	c.update(interfaces[iface])
	return nil, nil
}

func networkUpdate(c *call) (any, error) {
	entry := c.state.Networks[c.vars["node"]][c.vars["iface"]]
	if entry == nil {
		return nil, badParam("iface", "interface does not exist")
	}
	c.update(entry)
	return nil, nil
}

func networkDelete(c *call) (any, error) {
	if c.state.Networks[c.vars["node"]][c.vars["iface"]] == nil {
		return nil, badParam("iface", "interface does not exist")
	}
	delete(c.state.Networks[c.vars["node"]], c.vars["iface"])
	c.changed()
	return nil, nil
}

// networkReload applies interfaces' changes, which the simulator did at once.
func networkReload(c *call) (any, error) {
	return c.start("srvreload", "networking", work{run: func(*task) error { return nil }}), nil
}

func emptyList(*call) (any, error) { return []any{}, nil }
