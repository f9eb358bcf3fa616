package config

import (
	"fmt"
	"slices"
	"strings"
)

// backups resolves the jobs. They come after the guests, of which they are made.
func (r *resolver) backups() {
	for _, name := range sortedKeys(r.in.Backups) {
		b, key := r.in.Backups[name], child("backups", name)
		if b.Node != "" {
			r.node(key+".node", b.Node)
		}
		if len(b.Exclude) > 0 && !b.All {
			r.add(key+".exclude", nil, "is set without `all`", "Set `all: true`, or name the `guests` to back up")
		}
		if len(b.MailTo) > 0 && b.Notification == "notification-system" {
			r.add(key+".mailTo", nil, "is set, but the notification system has recipients of its own", "Remove it, or set `notification: legacy-sendmail`")
		}
		r.cfg.Backups = append(r.cfg.Backups, Backup{
			Name: name, Schedule: b.Schedule, Storage: b.Storage,
			Guests: r.guestsOf(key, b), Pool: b.Pool, All: b.All, Exclude: b.Exclude, Node: b.Node,
			Mode: b.Mode, Compress: b.Compress,
			KeepLast: b.KeepLast, KeepHourly: b.KeepHourly, KeepDaily: b.KeepDaily,
			KeepWeekly: b.KeepWeekly, KeepMonthly: b.KeepMonthly, KeepYearly: b.KeepYearly,
			Enabled: b.Enabled, RepeatMissed: b.RepeatMissed, Comment: b.Comment, NotesTemplate: b.NotesTemplate,
			Notification: b.Notification, MailTo: b.MailTo, MailOnFailure: b.MailOnFailure,
			BandwidthLimitKiBps: b.BandwidthLimitKiBps, FleecingStorage: b.FleecingStorage, Protected: b.Protected,
		})
	}
}

// guestsOf are the guests that a job names, or all of the stack.
func (r *resolver) guestsOf(key string, b backupInput) []string {
	var chosen []string
	for setting, is := range map[string]bool{"guests": len(b.Guests) > 0, "pool": b.Pool != "", "all": b.All} {
		if is {
			chosen = append(chosen, "`"+setting+"`")
		}
	}
	if len(chosen) > 1 {
		slices.Sort(chosen)
		r.add(key, nil, "sets "+strings.Join(chosen, " and "), "Keep one of them, or none for the guests of the stack")
		return nil
	}
	if b.Pool != "" || b.All {
		return nil
	}
	if len(b.Guests) > 0 {
		for i, guest := range b.Guests {
			_, vm := r.in.VMs[guest]
			_, container := r.in.Containers[guest]
			if !vm && !container && guest != "" {
				r.add(fmt.Sprintf("%s.guests[%d]", key, i), guest, "is no guest of this stack", "Name keys of `vms` and `containers`")
			}
		}
		return slices.Compact(slices.Sorted(slices.Values(b.Guests)))
	}
	guests := r.backedUp()
	if len(guests) == 0 && r.ok("vms") && r.ok("containers") {
		r.add(key, nil, "has nothing to back up: the stack has no guests with `backup: true`", "Remove the job, or name a `pool`")
	}
	return guests
}

// backedUp are the guests that want to be in a job.
func (r *resolver) backedUp() []string {
	var names []string
	for _, v := range r.cfg.VMs {
		if v.Backup {
			names = append(names, v.Name)
		}
	}
	for _, c := range r.cfg.Containers {
		if c.Backup {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}
