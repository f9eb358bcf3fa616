package sim

import "maps"

// routes lists every API call that the simulator knows.
func (s *Sim) routes() map[string]route {
	handlers := map[string]func(*call) (any, error){
		"GET /version":                                  versionGet,
		"GET /nodes":                                    nodesList,
		"GET /cluster/resources":                        clusterResources,
		"GET /cluster/status":                           clusterStatus,
		"GET /cluster/nextid":                           nextID,
		"GET /cluster/tasks":                            clusterTasks,
		"GET /cluster/options":                          clusterOptions,
		"PUT /cluster/options":                          clusterOptionsUpdate,
		"GET /cluster/log":                              emptyList,
		"GET /cluster/replication":                      emptyList,
		"GET /cluster/backup":                           jobList,
		"POST /cluster/backup":                          jobCreate,
		"GET /cluster/backup/{id}":                      jobGet,
		"PUT /cluster/backup/{id}":                      jobUpdate,
		"DELETE /cluster/backup/{id}":                   jobDelete,
		"GET /cluster/backup/{id}/included_volumes":     jobVolumes,
		"GET /cluster/backup-info/not-backed-up":        notBackedUp,
		"GET /cluster/ha/status/current":                haStatus,
		"GET /cluster/ha/status/manager_status":         haManagerStatus,
		"POST /cluster/ha/resources/{sid}/migrate":      haMove,
		"POST /cluster/ha/resources/{sid}/relocate":     haMove,
		"GET /cluster/firewall/groups":                  securityGroups,
		"POST /cluster/firewall/groups":                 securityGroupCreate,
		"DELETE /cluster/firewall/groups/{group}":       onFirewall(securityGroupDelete),
		"GET /cluster/firewall/groups/{group}":          onFirewall(ruleList),
		"POST /cluster/firewall/groups/{group}":         onFirewall(ruleCreate),
		"GET /cluster/firewall/groups/{group}/{pos}":    onFirewall(ruleGet),
		"PUT /cluster/firewall/groups/{group}/{pos}":    onFirewall(ruleUpdate),
		"DELETE /cluster/firewall/groups/{group}/{pos}": onFirewall(ruleDelete),
		"GET /nodes/{node}/firewall/log":                firewallLog,
		"GET /nodes/{node}/aplinfo":                     containerTemplates,
		"GET /nodes/{node}/rrddata":                     emptyList,
		"GET /nodes/{node}/services":                    emptyList,
		"GET /nodes/{node}/vzdump/extractconfig":        extractConfig,
		"POST /nodes/{node}/vzdump":                     vzdump,
		"GET /nodes/{node}/version":                     versionGet,
		"GET /nodes/{node}/status":                      nodeStatus,
		"GET /nodes/{node}/time":                        nodeTime,
		"PUT /nodes/{node}/time":                        nodeTimeUpdate,
		"GET /nodes/{node}/dns":                         nodeDNS,
		"PUT /nodes/{node}/dns":                         nodeDNSUpdate,
		"GET /nodes/{node}/hosts":                       nodeHosts,
		"POST /nodes/{node}/hosts":                      nodeHostsUpdate,
		"GET /nodes/{node}/network":                     networkList,
		"POST /nodes/{node}/network":                    networkCreate,
		"PUT /nodes/{node}/network":                     networkReload,
		"GET /nodes/{node}/network/{iface}":             networkGet,
		"PUT /nodes/{node}/network/{iface}":             networkUpdate,
		"DELETE /nodes/{node}/network/{iface}":          networkDelete,

		"GET /nodes/{node}/tasks":               nodeTasks,
		"GET /nodes/{node}/tasks/{upid}/status": taskStatus,
		"GET /nodes/{node}/tasks/{upid}/log":    taskLog,
		"DELETE /nodes/{node}/tasks/{upid}":     taskStop,

		"GET /storage":              storageDefinitions,
		"POST /storage":             storageDefinitionCreate,
		"GET /storage/{storage}":    storageDefinitionGet,
		"PUT /storage/{storage}":    storageDefinitionUpdate,
		"DELETE /storage/{storage}": storageDefinitionDelete,

		"GET /nodes/{node}/storage":                               nodeStorages,
		"GET /nodes/{node}/storage/{storage}/status":              storageStatus,
		"GET /nodes/{node}/storage/{storage}/content":             storageContent,
		"POST /nodes/{node}/storage/{storage}/content":            volumeAllocate,
		"GET /nodes/{node}/storage/{storage}/content/{volume}":    volumeGet,
		"PUT /nodes/{node}/storage/{storage}/content/{volume}":    volumeUpdate,
		"DELETE /nodes/{node}/storage/{storage}/content/{volume}": volumeDelete,

		"GET /pools":             poolList,
		"POST /pools":            poolCreate,
		"PUT /pools":             poolUpdate,
		"DELETE /pools":          poolDelete,
		"GET /pools/{poolid}":    poolGet,
		"PUT /pools/{poolid}":    poolUpdate,
		"DELETE /pools/{poolid}": poolDelete,

		"GET /nodes/{node}/storage/{storage}/prunebackups":    pruneBackups(false),
		"DELETE /nodes/{node}/storage/{storage}/prunebackups": pruneBackups(true),

		"GET /nodes/{node}/qemu/{vmid}/migrate":        migrateCheck,
		"POST /nodes/{node}/qemu/{vmid}/move_disk":     moveDisk(kindVM, "disk"),
		"POST /nodes/{node}/lxc/{vmid}/move_volume":    moveDisk(kindCT, "volume"),
		"GET /nodes/{node}/qemu/{vmid}/cloudinit":      cloudInitPending,
		"PUT /nodes/{node}/qemu/{vmid}/cloudinit":      cloudInitRegenerate,
		"GET /nodes/{node}/qemu/{vmid}/cloudinit/dump": cloudInitDump,
		"GET /nodes/{node}/lxc/{vmid}/interfaces":      containerInterfaces,
		"POST /nodes/{node}/qemu":                      qemuCreate,
		"PUT /nodes/{node}/qemu/{vmid}/config":         qemuUpdate(false),
		"POST /nodes/{node}/qemu/{vmid}/config":        qemuUpdate(true),
		"PUT /nodes/{node}/qemu/{vmid}/unlink":         qemuUnlink,
		"POST /nodes/{node}/lxc":                       lxcCreate,
		"PUT /nodes/{node}/lxc/{vmid}/config":          lxcUpdate,
	}
	for _, kind := range []string{kindVM, kindCT} {
		base := "/nodes/{node}/" + kind
		guest := base + "/{vmid}"
		for pattern, handler := range map[string]func(*call) (any, error){
			"GET " + base:                                     guestList(kind),
			"DELETE " + guest:                                 guestDelete(kind),
			"GET " + guest + "/config":                        configGet(kind),
			"GET " + guest + "/pending":                       pendingGet(kind),
			"GET " + guest + "/status/current":                statusCurrent(kind),
			"PUT " + guest + "/resize":                        guestResize(kind),
			"POST " + guest + "/clone":                        guestClone(kind),
			"POST " + guest + "/template":                     guestTemplate(kind),
			"POST " + guest + "/migrate":                      guestMigrate(kind),
			"GET " + guest + "/feature":                       featureCheck(kind),
			"GET " + guest + "/rrddata":                       emptyList,
			"GET " + guest + "/firewall/log":                  firewallLog,
			"GET " + guest + "/snapshot":                      snapshotList(kind),
			"POST " + guest + "/snapshot":                     snapshotCreate(kind),
			"GET " + guest + "/snapshot/{snapname}/config":    snapshotConfig(kind),
			"PUT " + guest + "/snapshot/{snapname}/config":    snapshotDescribe(kind),
			"POST " + guest + "/snapshot/{snapname}/rollback": snapshotRollback(kind),
			"DELETE " + guest + "/snapshot/{snapname}":        snapshotDelete(kind),
		} {
			handlers[pattern] = handler
		}
		maps.Copy(handlers, firewallRoutes(guest+"/firewall", true))
		for _, verb := range []string{"start", "stop", "shutdown", "reboot", "suspend", "resume"} {
			handlers["POST "+guest+"/status/"+verb] = power(kind, verb)
		}
	}
	maps.Copy(handlers, accessRoutes())
	maps.Copy(handlers, firewallRoutes("/cluster/firewall", true))
	maps.Copy(handlers, firewallRoutes("/nodes/{node}/firewall", false))
	for _, kind := range []string{haResources, haGroups, haRules} {
		base := "/cluster/ha/" + kind
		entry := base + "/{" + haIDName[kind] + "}"
		handlers["GET "+base], handlers["POST "+base] = haList(kind), haCreate(kind)
		handlers["GET "+entry], handlers["PUT "+entry], handlers["DELETE "+entry] = haGet(kind), haUpdate(kind), haDelete(kind)
	}
	for _, kind := range []string{"nfs", "cifs", "iscsi", "lvm", "lvmthin", "zfs", "pbs"} {
		handlers["GET /nodes/{node}/scan/"+kind] = emptyList
	}
	handlers["POST /nodes/{node}/qemu/{vmid}/status/reset"] = power(kindVM, "reset")
	agent := "/nodes/{node}/qemu/{vmid}/agent"
	nothing := func(*guest) any { return map[string]any{} }
	for pattern, handler := range map[string]func(*call) (any, error){
		"POST " + agent: agentCommand,
		"GET " + agent + "/network-get-interfaces": agentInterfaces,
		"POST " + agent + "/ping":                  agentResult(nothing),
		"POST " + agent + "/fsfreeze-freeze":       agentResult(nothing),
		"POST " + agent + "/fsfreeze-thaw":         agentResult(nothing),
		"POST " + agent + "/fstrim":                agentResult(nothing),
		"GET " + agent + "/get-osinfo":             agentResult(agentOS),
		"GET " + agent + "/get-fsinfo":             agentResult(agentFilesystems),
		"GET " + agent + "/get-time":               agentResult(agentTime),
		"GET " + agent + "/get-host-name":          agentResult(func(g *guest) any { return map[string]any{"host-name": g.Booted.Hostname} }),
		"GET " + agent + "/info":                   agentResult(func(*guest) any { return map[string]any{"version": "10.0.3", "supported_commands": []any{}} }),
		"POST " + agent + "/exec":                  agentExec,
		"GET " + agent + "/exec-status":            agentExecStatus,
	} {
		handlers[pattern] = handler
	}
	routes := make(map[string]route, len(handlers))
	for pattern, handler := range handlers {
		routes[pattern] = route{handle: handler}
	}
	routes["POST /access/ticket"] = route{handle: createTicket, open: true}
	routes["GET /access/domains"] = route{handle: domainList, open: true}
	for pattern, handler := range map[string]func(*call) (any, error){
		"GET /nodes/{node}/query-url-metadata":              queryURL,
		"POST /nodes/{node}/storage/{storage}/download-url": downloadURL,
		"POST /nodes/{node}/storage/{storage}/upload":       upload,
	} {
		routes[pattern] = route{handle: handler, slow: true}
	}
	return routes
}
