package sim

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

var jobNumbers = set("enabled", "all", "bwlimit", "ionice", "lockwait", "pigz", "protected", "quiet", "remove", "repeat-missed",
	"stdexcludes", "stop", "stopwait", "zstd", "maxfiles")

// jobAnswer is a job as the API shows it: numbers as numbers, nested options as objects.
func jobAnswer(job map[string]string) map[string]any {
	answer := numbered(job, jobNumbers)
	for _, key := range []string{"prune-backups", "performance", "fleecing"} {
		if text, found := job[key]; found {
			answer[key] = parseProperties(text, "")
		}
	}
	answer["type"] = "vzdump"
	return answer
}

func jobList(c *call) (any, error) {
	list := []map[string]any{}
	for _, job := range c.state.BackupJobs {
		list = append(list, jobAnswer(job))
	}
	return list, nil
}

func (c *call) job() (int, error) {
	i := slices.IndexFunc(c.state.BackupJobs, func(job map[string]string) bool { return job["id"] == c.vars["id"] })
	if i < 0 {
		return 0, badParam("id", "No such job '%s'", c.vars["id"])
	}
	return i, nil
}

func jobGet(c *call) (any, error) {
	i, err := c.job()
	if err != nil {
		return nil, err
	}
	return jobAnswer(c.state.BackupJobs[i]), nil
}

// checkJob refuses jobs that could not run.
func (c *call) checkJob(job map[string]string) error {
	selections := 0
	for _, key := range []string{"vmid", "pool"} {
		if job[key] != "" {
			selections++
		}
	}
	if isTrue(job["all"]) {
		selections++
	}
	if selections != 1 {
		return badParam("vmid", "you need to specify exactly one of 'vmid', 'all' or 'pool'")
	}
	for _, key := range []string{"tmpdir", "dumpdir", "script"} {
		if job[key] != "" {
			if err := c.requireRoot("option '" + key + "'"); err != nil {
				return err
			}
		}
	}
	if id := job["storage"]; id != "" {
		def := c.state.Storages[id]
		if def == nil {
			return fail("storage '%s' does not exist", id)
		}
		if !slices.Contains(def.Content, "backup") {
			return fail("storage '%s' does not support backups", id)
		}
	}
	return nil
}

func jobCreate(c *call) (any, error) {
	job := c.values("delete", "starttime", "dow")
	if job["schedule"] == "" && c.has("starttime") {
		job["schedule"] = strings.TrimSpace(c.param("dow") + " " + c.param("starttime"))
	}
	if job["id"] == "" {
		random := make([]byte, 6)
		// crypto/rand never fails on supported systems; it ends the program itself.
		_, _ = rand.Read(random)
		job["id"] = "backup-" + hex.EncodeToString(random[:4]) + "-" + hex.EncodeToString(random[4:])
	}
	if slices.ContainsFunc(c.state.BackupJobs, func(other map[string]string) bool { return other["id"] == job["id"] }) {
		return nil, badParam("id", "Job '%s' already exists", job["id"])
	}
	if job["enabled"] == "" {
		job["enabled"] = "1"
	}
	if err := c.checkJob(job); err != nil {
		return nil, err
	}
	c.state.BackupJobs = append(c.state.BackupJobs, job)
	c.changed()
	return nil, nil
}

func jobUpdate(c *call) (any, error) {
	i, err := c.job()
	if err != nil {
		return nil, err
	}
	job := maps.Clone(c.state.BackupJobs[i])
	values := c.values("delete", "id")
	// A new selection replaces the old one.
	switch {
	case isTrue(values["all"]):
		delete(job, "vmid")
		delete(job, "pool")
	case values["vmid"] != "":
		delete(job, "all")
		delete(job, "pool")
		delete(job, "exclude")
	case values["pool"] != "":
		delete(job, "all")
		delete(job, "vmid")
		delete(job, "exclude")
	}
	maps.Copy(job, values)
	for _, key := range c.deletions() {
		delete(job, key)
	}
	if err := c.checkJob(job); err != nil {
		return nil, err
	}
	c.state.BackupJobs[i] = job
	c.changed()
	return nil, nil
}

func jobDelete(c *call) (any, error) {
	i, err := c.job()
	if err != nil {
		return nil, err
	}
	c.state.BackupJobs = slices.Delete(c.state.BackupJobs, i, i+1)
	c.changed()
	return nil, nil
}

func jobVolumes(c *call) (any, error) {
	i, err := c.job()
	if err != nil {
		return nil, err
	}
	guests := []map[string]any{}
	for _, vmid := range c.selected(c.state.BackupJobs[i]) {
		g := c.state.Guests[vmid]
		if g == nil {
			continue
		}
		disks := []map[string]any{}
		for _, key := range g.diskKeys() {
			in, reason := included(g, key), "enabled"
			if !in {
				reason = "disabled"
			}
			disks = append(disks, map[string]any{"id": key, "name": g.volid(key), "included": bit(in), "reason": reason, "leaf": 1})
		}
		guests = append(guests, map[string]any{"id": vmid, "name": g.name(), "type": g.Kind, "children": disks})
	}
	return map[string]any{"children": guests}, nil
}

// notBackedUp lists the guests that no job names.
func notBackedUp(c *call) (any, error) {
	covered := map[int]bool{}
	for _, job := range c.state.BackupJobs {
		for _, vmid := range c.selected(job) {
			covered[vmid] = true
		}
	}
	list := []map[string]any{}
	for _, vmid := range slices.Sorted(maps.Keys(c.state.Guests)) {
		if g := c.state.Guests[vmid]; !covered[vmid] && c.allowed("/vms/"+vmidText(vmid), "VM.Audit") {
			list = append(list, map[string]any{"vmid": vmid, "name": g.name(), "type": g.Kind})
		}
	}
	return list, nil
}
