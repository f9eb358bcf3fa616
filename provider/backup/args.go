package backup

import "github.com/pulumi/pulumi-go-provider/infer"

// JobArgs are the inputs of a job. Pointers and nil slices are options that Proxmox takes from the
// node's /etc/vzdump.conf or from its own defaults.
type JobArgs struct {
	Schedule string `pulumi:"schedule"`
	Storage  string `pulumi:"storage"`

	VMIDs        []int   `pulumi:"vmIds,optional"`
	Pool         *string `pulumi:"pool,optional"`
	All          *bool   `pulumi:"all,optional"`
	ExcludeVMIDs []int   `pulumi:"excludeVmIds,optional"`
	Node         *string `pulumi:"node,optional"`

	// A pointer, because a default of true would win over false.
	Enabled      *bool   `pulumi:"enabled,optional"`
	RepeatMissed bool    `pulumi:"repeatMissed,optional"`
	Comment      *string `pulumi:"comment,optional"`

	Mode          string     `pulumi:"mode,optional"`
	Compress      string     `pulumi:"compress,optional"`
	ZstdThreads   *int       `pulumi:"zstdThreads,optional"`
	PigzThreads   *int       `pulumi:"pigzThreads,optional"`
	Retention     *Retention `pulumi:"retention,optional"`
	Protected     bool       `pulumi:"protected,optional"`
	NotesTemplate *string    `pulumi:"notesTemplate,optional"`

	NotificationMode string   `pulumi:"notificationMode,optional"`
	MailTo           []string `pulumi:"mailTo,optional"`
	MailNotification *string  `pulumi:"mailNotification,optional"`

	BwLimitKiBps           *int         `pulumi:"bwLimitKiBps,optional"`
	IONice                 *int         `pulumi:"ioNice,optional"`
	LockWaitMinutes        *int         `pulumi:"lockWaitMinutes,optional"`
	StopWaitMinutes        *int         `pulumi:"stopWaitMinutes,optional"`
	Fleecing               *Fleecing    `pulumi:"fleecing,optional"`
	Performance            *Performance `pulumi:"performance,optional"`
	PBSChangeDetectionMode *string      `pulumi:"pbsChangeDetectionMode,optional"`
	ExcludePaths           []string     `pulumi:"excludePaths,optional"`
	StdExcludes            *bool        `pulumi:"stdExcludes,optional"`
}

// Retention says which backups of a guest are kept when a new one has been made.
type Retention struct {
	KeepAll     *bool `pulumi:"keepAll,optional"`
	KeepLast    *int  `pulumi:"keepLast,optional"`
	KeepHourly  *int  `pulumi:"keepHourly,optional"`
	KeepDaily   *int  `pulumi:"keepDaily,optional"`
	KeepWeekly  *int  `pulumi:"keepWeekly,optional"`
	KeepMonthly *int  `pulumi:"keepMonthly,optional"`
	KeepYearly  *int  `pulumi:"keepYearly,optional"`
}

// Fleecing caches blocks that a guest overwrites during its backup.
type Fleecing struct {
	Storage string `pulumi:"storage"`
}

// Performance are the settings for large guests.
type Performance struct {
	MaxWorkers    *int `pulumi:"maxWorkers,optional"`
	PBSEntriesMax *int `pulumi:"pbsEntriesMax,optional"`
}

// JobState is what the state keeps of a job.
type JobState struct {
	JobArgs
}

// Annotate describes the resource.
func (j *Job) Annotate(a infer.Annotator) {
	a.SetToken("index", "BackupJob")
	a.Describe(&j, "A scheduled backup (vzdump) of the cluster, as in Datacenter > Backup. Its id in Proxmox VE is "+
		"`pve-home-<project>-<stack>-<name>`, by which it can be imported. "+
		"The options are those of https://pve.proxmox.com/pve-docs/vzdump.1.html.")
}

// Annotate describes the inputs and gives their defaults.
func (j *JobArgs) Annotate(a infer.Annotator) {
	a.Describe(&j.Schedule, "When it runs: a calendar event such as `02:30`, `sat 03:00` or `mon..fri 22:00`. "+
		"See https://pve.proxmox.com/pve-docs/pve-admin-guide.html#chapter_calendar_events.")
	a.Describe(&j.Storage, "Storage that receives the backups (content type `backup`).")
	a.Describe(&j.VMIDs, "The guests, by VMID. Exactly one of vmIds, pool and all is required.")
	a.Describe(&j.Pool, "The guests of this pool.")
	a.Describe(&j.All, "All guests of the cluster, or of `node`.")
	a.Describe(&j.ExcludeVMIDs, "With `all`, guests that are left out.")
	a.Describe(&j.Node, "Only the guests on this node. All nodes by default.")
	a.Describe(&j.Enabled, "Whether the schedule is active.")
	a.SetDefault(&j.Enabled, true)
	a.Describe(&j.RepeatMissed, "Run as soon as possible after a time at which the scheduler was not running.")
	a.SetDefault(&j.RepeatMissed, false)
	a.Describe(&j.Comment, "Comment of the job, at most 512 characters.")
	a.Describe(&j.Mode, "`snapshot`, `suspend` or `stop`.")
	a.SetDefault(&j.Mode, "snapshot")
	a.Describe(&j.Compress, "`0` (none), `gzip`, `lzo` or `zstd`.")
	a.SetDefault(&j.Compress, "zstd")
	a.Describe(&j.ZstdThreads, "Threads of zstd; 0 uses half of the cores.")
	a.Describe(&j.PigzThreads, "With more than 0, gzip is done by pigz: 1 uses half of the cores, more is the number of threads.")
	a.Describe(&j.Retention, "Which backups of a guest are kept. The storage's own setting by default.")
	a.Describe(&j.Protected, "Mark the backups as protected: nothing prunes them.")
	a.SetDefault(&j.Protected, false)
	a.Describe(&j.NotesTemplate, "Notes of the backups, with `{{cluster}}`, `{{guestname}}`, `{{node}}` and `{{vmid}}`.")
	a.Describe(&j.NotificationMode, "`auto` (mail if `mailTo` is set, else the notification system), `legacy-sendmail` or `notification-system`.")
	a.SetDefault(&j.NotificationMode, "auto")
	a.Describe(&j.MailTo, "Recipients of mail: addresses, or users of Proxmox VE.")
	a.Describe(&j.MailNotification, "When mail is sent: `always` or `failure`.")
	a.Describe(&j.BwLimitKiBps, "Limit of the bandwidth in KiB/s; 0 is none.")
	a.Describe(&j.IONice, "I/O priority, 0 (highest) to 7, or 8 (idle), for the BFQ scheduler.")
	a.Describe(&j.LockWaitMinutes, "How long to wait for the global lock, in minutes.")
	a.Describe(&j.StopWaitMinutes, "How long to wait until a guest is stopped, in minutes.")
	a.Describe(&j.Fleecing, "Cache blocks that a VM overwrites during its backup, so that slow backup storage does not slow the VM down.")
	a.Describe(&j.Performance, "Settings for large guests.")
	a.Describe(&j.PBSChangeDetectionMode, "How Proxmox Backup Server finds changed files of containers: `legacy`, `data` or `metadata`.")
	a.Describe(&j.ExcludePaths, "Shell patterns of files of containers that are left out.")
	a.Describe(&j.StdExcludes, "Leave temporary files and logs of containers out. Proxmox does by default.")
}

// Annotate describes the retention.
func (r *Retention) Annotate(a infer.Annotator) {
	a.Describe(&r.KeepAll, "Keep all backups. Excludes the others.")
	a.Describe(&r.KeepLast, "Keep the last N backups.")
	a.Describe(&r.KeepHourly, "Keep the last backup of each of the last N hours.")
	a.Describe(&r.KeepDaily, "Keep the last backup of each of the last N days.")
	a.Describe(&r.KeepWeekly, "Keep the last backup of each of the last N weeks.")
	a.Describe(&r.KeepMonthly, "Keep the last backup of each of the last N months.")
	a.Describe(&r.KeepYearly, "Keep the last backup of each of the last N years.")
}

// Annotate describes the fleecing.
func (f *Fleecing) Annotate(a infer.Annotator) {
	a.Describe(&f.Storage, "Storage of the cache: a fast local one with thin provisioning.")
}

// Annotate describes the performance settings.
func (p *Performance) Annotate(a infer.Annotator) {
	a.Describe(&p.MaxWorkers, "I/O workers of a VM at the same time, 1 to 256.")
	a.Describe(&p.PBSEntriesMax, "Files of a container that are held in memory for Proxmox Backup Server.")
}
