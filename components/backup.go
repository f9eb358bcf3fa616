package components

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/pve-home/pve-home/components/pvehome"
)

// BackupArgs describes the scheduled backups of a stack.
type BackupArgs struct {
	// Jobs by name.
	Jobs map[string]BackupJob
	// Guests of the stack by name.
	Guests map[string]BackupGuest
	// Checks is what a doubt about the backups does: "warn", "fail" or "off".
	Checks string
}

// BackupJob is one schedule. Exactly one of Guests, Pool and All says of what.
type BackupJob struct {
	// Schedule is a Proxmox calendar event (https://pve.proxmox.com/pve-docs/chapter-calendar-events.html).
	Schedule string
	Storage  string
	// Guests are keys of BackupArgs.Guests.
	Guests []string
	Pool   string
	All    bool
	// Exclude are the VMIDs that All leaves out.
	Exclude []int
	// Node is empty for all nodes.
	Node string
	// Mode is snapshot, suspend or stop; Compress is 0, gzip, lzo or zstd.
	Mode     string
	Compress string
	// Keep* are numbers of backups of each guest; where all are 0 the storage's own retention counts.
	KeepLast, KeepHourly, KeepDaily, KeepWeekly, KeepMonthly, KeepYearly int

	Enabled       bool
	RepeatMissed  bool
	Comment       string
	NotesTemplate string
	// Notification is auto, notification-system or legacy-sendmail.
	Notification  string
	MailTo        []string
	MailOnFailure bool
	// BandwidthLimitKiBps is per second; 0 means the datacenter's limit.
	BandwidthLimitKiBps int
	FleecingStorage     string
	Protected           bool
}

// BackupGuest is what a job needs to know of a guest.
type BackupGuest struct {
	VMID pulumi.IntInput
	Node string
	// Disks are those that backups include.
	Disks []BackupDisk
	// Wanted guests are missed when no job includes them.
	Wanted bool
}

// BackupDisk is a disk or a volume of a guest.
type BackupDisk struct {
	SizeGiB   int
	Datastore string
}

// Backup is the scheduled backups of a stack.
type Backup struct {
	pulumi.ResourceState

	// JobIDs are Proxmox' ids of the jobs by name.
	JobIDs pulumi.StringMapOutput `pulumi:"jobIds"`
}

// NewBackup schedules the jobs. Their ids are of the project and the stack, so that they are never
// taken for those of another.
func NewBackup(ctx *pulumi.Context, name string, proxmox *Proxmox, args BackupArgs, opts ...pulumi.ResourceOption) (*Backup, error) {
	b := &Backup{}
	if err := ctx.RegisterComponentResource("pve-home:index:Backup", name, b, opts...); err != nil {
		return nil, fmt.Errorf("register backups %s: %w", name, err)
	}
	if err := proxmox.guard.doubt(args.Checks, args.doubts()); err != nil {
		return nil, err
	}
	ids := pulumi.StringMap{}
	if len(args.Jobs) > 0 {
		var err error
		if ids, err = b.schedule(ctx, name, proxmox, args); err != nil {
			return nil, err
		}
	}
	b.JobIDs = ids.ToStringMapOutput()
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{"jobIds": b.JobIDs})
}

// schedule makes the jobs and returns their ids in Proxmox, which end in the resources' names.
func (b *Backup) schedule(ctx *pulumi.Context, name string, proxmox *Proxmox, args BackupArgs) (pulumi.StringMap, error) {
	provider, err := pvehome.NewProvider(ctx, name+"-proxmox", &pvehome.ProviderArgs{
		Endpoint: pulumi.String(proxmox.endpoint),
		ApiToken: proxmox.apiToken,
		Insecure: pulumi.Bool(proxmox.insecure),
	}, pulumi.Parent(b), pulumi.AdditionalSecretOutputs([]string{"apiToken"}))
	if err != nil {
		return nil, fmt.Errorf("provider of backup jobs: %w", err)
	}
	ids := pulumi.StringMap{}
	for _, jobName := range slices.Sorted(maps.Keys(args.Jobs)) {
		proxmox.guard.backups.Store(jobName, plannedBackup{jobName, args})
		job, err := pvehome.NewBackupJob(ctx, jobName, args.job(jobName),
			pulumi.Parent(b),
			pulumi.Provider(provider),
			pulumi.ResourceHooks(proxmox.guard.backup),
		)
		if err != nil {
			return nil, fmt.Errorf("backup job %s: %w", jobName, err)
		}
		ids[jobName] = job.ID().ToStringOutput()
	}
	return ids, nil
}

// job writes only what is set: the rest is Proxmox' own default, or the node's.
func (args BackupArgs) job(name string) *pvehome.BackupJobArgs {
	job := args.Jobs[name]
	inputs := &pvehome.BackupJobArgs{
		Schedule:         pulumi.String(job.Schedule),
		Storage:          pulumi.String(job.Storage),
		Mode:             pulumi.String(job.Mode),
		Compress:         pulumi.String(job.Compress),
		Enabled:          pulumi.Bool(job.Enabled),
		RepeatMissed:     pulumi.Bool(job.RepeatMissed),
		Protected:        pulumi.Bool(job.Protected),
		NotificationMode: pulumi.String(job.Notification),
		Pool:             optional(job.Pool),
		Node:             optional(job.Node),
		Comment:          optional(job.Comment),
		NotesTemplate:    optional(job.NotesTemplate),
	}
	switch {
	case job.All:
		inputs.All = pulumi.Bool(true)
		if len(job.Exclude) > 0 {
			inputs.ExcludeVmIds = pulumi.ToIntArray(job.Exclude)
		}
	case job.Pool == "":
		vmids := pulumi.IntArray{}
		for _, guest := range job.Guests {
			vmids = append(vmids, args.Guests[guest].VMID)
		}
		inputs.VmIds = vmids
	}
	if len(job.MailTo) > 0 {
		inputs.MailTo = pulumi.ToStringArray(job.MailTo)
	}
	if job.MailOnFailure {
		inputs.MailNotification = pulumi.String("failure")
	}
	if job.BandwidthLimitKiBps > 0 {
		inputs.BwLimitKiBps = pulumi.Int(job.BandwidthLimitKiBps)
	}
	if job.FleecingStorage != "" {
		inputs.Fleecing = pvehome.FleecingArgs{Storage: pulumi.String(job.FleecingStorage)}
	}
	if retention := job.retention(); retention != (pvehome.RetentionArgs{}) {
		inputs.Retention = retention
	}
	return inputs
}

func (job BackupJob) retention() pvehome.RetentionArgs {
	keep := func(n int) pulumi.IntPtrInput {
		if n == 0 {
			return nil
		}
		return pulumi.Int(n)
	}
	return pvehome.RetentionArgs{
		KeepLast: keep(job.KeepLast), KeepHourly: keep(job.KeepHourly), KeepDaily: keep(job.KeepDaily),
		KeepWeekly: keep(job.KeepWeekly), KeepMonthly: keep(job.KeepMonthly), KeepYearly: keep(job.KeepYearly),
	}
}

// optional is nil for a text that is not set.
func optional(text string) pulumi.StringPtrInput {
	if text == "" {
		return nil
	}
	return pulumi.String(text)
}

// doubts are what the configuration alone shows.
func (args BackupArgs) doubts() []string {
	var doubts []string
	for _, guest := range slices.Sorted(maps.Keys(args.Guests)) {
		if args.Guests[guest].Wanted && !args.covers(guest) {
			doubts = append(doubts, fmt.Sprintf("%s is in no backup job. Add it to one of `backups`, or set backup: false for it", guest))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args.Jobs)) {
		job := args.Jobs[name]
		var beside []string
		for _, guest := range job.Guests {
			if slices.ContainsFunc(args.Guests[guest].Disks, func(d BackupDisk) bool { return d.Datastore == job.Storage }) {
				beside = append(beside, guest)
			}
		}
		if len(beside) > 0 {
			doubts = append(doubts, fmt.Sprintf("backups.%s.storage: %s also holds disks of %s, so that what destroys the one destroys the other. Use a storage on other disks, or better on another machine",
				name, job.Storage, strings.Join(beside, ", ")))
		}
	}
	return doubts
}

// covers says whether a job includes the guest. What is in a pool is not known here.
func (args BackupArgs) covers(guest string) bool {
	for _, job := range args.Jobs {
		if job.Enabled && (job.All || job.Pool != "" || slices.Contains(job.Guests, guest)) {
			return true
		}
	}
	return false
}
