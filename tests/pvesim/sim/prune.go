package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Marks of backups as prune-backups reports them.
const (
	pruneKeep      = "keep"
	pruneRemove    = "remove"
	pruneProtected = "protected"
)

// prunePeriods are the retention options in the order in which Proxmox VE applies them. Each keeps the newest
// backup of its periods.
var prunePeriods = []struct{ option, layout string }{
	{"keep-last", ""}, {"keep-hourly", "2006-01-02 15"}, {"keep-daily", "2006-01-02"}, {"keep-weekly", "week"},
	{"keep-monthly", "2006-01"}, {"keep-yearly", "2006"},
}

func periodOf(v *volume, layout string) string {
	at := time.Unix(v.CreatedUnix, 0)
	switch layout {
	case "":
		return v.Volid
	case "week":
		year, week := at.ISOWeek()
		return fmt.Sprint(year, week)
	}
	return at.Format(layout)
}

func (s *Sim) backupsOf(node string, def *storage, kind string, vmid int) []*volume {
	var list []*volume
	for _, v := range s.state.volumesOf(node, def) {
		if v.Content == "backup" && v.Backup != nil && (kind == "" || v.Backup.Kind == kind) && (vmid == 0 || v.VMID == vmid) {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, func(a, b *volume) int {
		if a.CreatedUnix != b.CreatedUnix {
			return int(b.CreatedUnix - a.CreatedUnix)
		}
		return strings.Compare(b.Volid, a.Volid)
	})
	return list
}

// pruneMarks decides for the backups of one guest what stays.
func (s *Sim) pruneMarks(node string, def *storage, keep properties, kind string, vmid int) map[string]string {
	marks := map[string]string{}
	list := s.backupsOf(node, def, kind, vmid)
	keepsAll := true
	for _, period := range prunePeriods {
		if n, err := strconv.Atoi(keep[period.option]); err == nil && n > 0 {
			keepsAll = false
		}
	}
	for _, v := range list {
		switch {
		case v.Protected:
			marks[v.Volid] = pruneProtected
		case keepsAll || isTrue(keep["keep-all"]):
			marks[v.Volid] = pruneKeep
		}
	}
	for _, period := range prunePeriods {
		limit, err := strconv.Atoi(keep[period.option])
		if err != nil {
			continue
		}
		covered, added := map[string]bool{}, 0
		for _, v := range list {
			if marks[v.Volid] == pruneKeep {
				covered[periodOf(v, period.layout)] = true
			}
		}
		for _, v := range list {
			if at := periodOf(v, period.layout); marks[v.Volid] == "" && !covered[at] && added < limit {
				marks[v.Volid], covered[at] = pruneKeep, true
				added++
			}
		}
	}
	for _, v := range list {
		if marks[v.Volid] == "" {
			marks[v.Volid] = pruneRemove
		}
	}
	return marks
}

func pruneBackups(remove bool) func(*call) (any, error) {
	return func(c *call) (any, error) {
		node := c.vars["node"]
		def, err := c.state.usable(node, c.vars["storage"], "backup")
		if err != nil {
			return nil, err
		}
		keep, kind, only := parseProperties(c.param("prune-backups"), ""), c.param("type"), c.integer("vmid", 0)
		marks := map[string]string{}
		guests := map[int]bool{}
		for _, v := range c.backupsOf(node, def, kind, only) {
			guests[v.VMID] = true
		}
		for vmid := range guests {
			if err := c.require("/vms/"+vmidText(vmid), "VM.Backup"); err == nil || c.allowed("/storage/"+def.ID, "Datastore.Allocate") {
				maps.Copy(marks, c.pruneMarks(node, def, keep, kind, vmid))
			}
		}
		if remove {
			return c.start("prunebackups", vmidOr(only, def.ID), work{run: func(*task) error {
				for volid, mark := range marks {
					if v := c.state.volume(node, volid); v != nil && mark == pruneRemove {
						c.state.deleteVolume(v)
					}
				}
				return nil
			}}), nil
		}
		list := []map[string]any{}
		for _, v := range c.backupsOf(node, def, kind, only) {
			if mark := marks[v.Volid]; mark != "" {
				list = append(list, map[string]any{"volid": v.Volid, "ctime": v.CreatedUnix, "mark": mark, "type": v.Backup.Kind, "vmid": v.VMID})
			}
		}
		return list, nil
	}
}
