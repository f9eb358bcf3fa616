package components

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components/pve"
)

const gib = 1 << 30

// How much of the disks' size a backup takes at least: guests seldom fill their disks, and what is
// there compresses. Proxmox keeps no figure before the first backup has run.
const (
	compressedShare   = 0.25
	uncompressedShare = 0.5
)

// plannedBackup is a job with the guests of its stack.
type plannedBackup struct {
	name string
	args BackupArgs
}

// doubt warns of what is likely a mistake, or fails.
func (g *guard) doubt(checks string, doubts []string) error {
	if checks == "off" || len(doubts) == 0 {
		return nil
	}
	if checks == "fail" {
		return errors.New("backups (backupChecks is fail):\n  - " + strings.Join(doubts, "\n  - "))
	}
	for _, text := range doubts {
		if err := g.ctx.Log.Warn(text, nil); err != nil {
			return fmt.Errorf("warn about backups: %w", err)
		}
	}
	return nil
}

// backupStorageFits runs before a job is created or updated.
func (g *guard) backupStorageFits(args *pulumi.ResourceHookArgs) error {
	stored, ok := g.backups.Load(args.Name)
	if !ok {
		return nil
	}
	planned := stored.(plannedBackup)
	job := planned.args.Jobs[planned.name]
	var doubts []string
	for _, node := range planned.nodes() {
		use := datastoreUse{node, job.Storage, "backup", "backups." + planned.name + ".storage"}
		there, err := g.datastore(node, job.Storage)
		if err != nil {
			g.advise(args.Name, err.Error())
			return fmt.Errorf("%s: %w", args.Name, err)
		}
		if err := use.check(there); err != nil {
			return fmt.Errorf("%s: %w", args.Name, err)
		}
		if text := planned.fits(node, there); text != "" && !slices.Contains(doubts, text) {
			doubts = append(doubts, text)
		}
	}
	return g.doubt(planned.args.Checks, doubts)
}

// nodes are where the job's guests are.
func (p plannedBackup) nodes() []string {
	nodes := map[string]bool{}
	for _, guest := range p.args.Jobs[p.name].Guests {
		nodes[p.args.Guests[guest].Node] = true
	}
	return slices.Sorted(maps.Keys(nodes))
}

// fits says why the backups to keep cannot fit on the storage, or nothing.
func (p plannedBackup) fits(node string, there pve.Datastore) string {
	job := p.args.Jobs[p.name]
	if there.Type == "pbs" || there.TotalBytes == 0 {
		return "" // Proxmox Backup Server keeps equal parts of backups once
	}
	copies := job.KeepLast + job.KeepHourly + job.KeepDaily + job.KeepWeekly + job.KeepMonthly + job.KeepYearly
	sizeGiB, where := 0, ""
	if there.Shared == 0 {
		where = " of node " + node
	}
	for _, guest := range job.Guests {
		if there.Shared == 0 && p.args.Guests[guest].Node != node {
			continue
		}
		for _, disk := range p.args.Guests[guest].Disks {
			sizeGiB += disk.SizeGiB
		}
	}
	share := compressedShare
	if job.Compress == "0" {
		share = uncompressedShare
	}
	needGiB, haveGiB := float64(copies*sizeGiB)*share, float64(there.TotalBytes)/gib
	if needGiB <= haveGiB {
		return ""
	}
	return fmt.Sprintf("backups.%s keeps up to %d backups of each guest, %d GiB of disks, on %s%s. Even at %d%% of the disks' size they need %.0f GiB, and the storage has %.0f GiB. Keep fewer, leave disks out (backup: false), or use a bigger storage",
		p.name, copies, sizeGiB, job.Storage, where, int(share*100), needGiB, haveGiB)
}
