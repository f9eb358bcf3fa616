package backup

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Limits of Proxmox VE's API.
const (
	minVMID, maxVMID  = 100, 999999999
	maxScheduleLength = 128
	maxCommentLength  = 512
	maxNotesLength    = 1024
	maxIONice         = 8
	maxPerfWorkers    = 256
	maxNumber         = 1<<31 - 1
	selections        = "vmIds, pool or all"
)

var storageID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]$`)

// Check fills in defaults, brings lists into the form in which Proxmox's answers are read, and
// refuses what Proxmox would refuse. Schedules, nodes and pools are left to Proxmox.
func (*Job) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[JobArgs], error) {
	a, failures, err := infer.DefaultCheck[JobArgs](ctx, req.NewInputs)
	if err != nil || len(failures) > 0 {
		return infer.CheckResponse[JobArgs]{Inputs: a, Failures: failures}, err
	}
	c := &check{args: &a, inputs: req.NewInputs}
	c.selection()
	c.texts()
	c.numbers()
	c.retention()
	c.normalise()
	slices.SortFunc(c.failures, func(a, b p.CheckFailure) int { return strings.Compare(a.Property, b.Property) })
	return infer.CheckResponse[JobArgs]{Inputs: a, Failures: c.failures}, nil
}

type check struct {
	args     *JobArgs
	inputs   property.Map
	failures []p.CheckFailure
}

func (c *check) fail(property, format string, args ...any) {
	c.failures = append(c.failures, p.CheckFailure{Property: property, Reason: fmt.Sprintf(format, args...)})
}

// unknown says that an input is not known before another resource exists.
func (c *check) unknown(property string) bool { return c.inputs.Get(property).HasComputed() }

func (c *check) selection() {
	a := c.args
	all := a.All != nil && *a.All
	var given []string
	for _, s := range []struct {
		property string
		set      bool
	}{
		{"vmIds", len(a.VMIDs) > 0 || c.unknown("vmIds")},
		{"pool", a.Pool != nil && *a.Pool != "" || c.unknown("pool")},
		{"all", all || c.unknown("all")},
	} {
		if s.set {
			given = append(given, s.property)
		}
	}
	switch {
	case len(given) == 0:
		c.fail("vmIds", "the job selects no guest: set exactly one of %s", selections)
	case len(given) > 1:
		c.fail(given[1], "excludes %s: set exactly one of %s", given[0], selections)
	}
	if len(a.ExcludeVMIDs) > 0 && !all && !c.unknown("all") {
		c.fail("excludeVmIds", "needs all: true; to leave a guest out of vmIds, do not list it")
	}
	c.vmIDs("vmIds", a.VMIDs)
	c.vmIDs("excludeVmIds", a.ExcludeVMIDs)
}

func (c *check) vmIDs(property string, ids []int) {
	if c.unknown(property) {
		return
	}
	for _, id := range ids {
		if id < minVMID || id > maxVMID {
			c.fail(property, "%d is no VMID: those of Proxmox VE are %d to %d", id, minVMID, maxVMID)
		}
	}
}

func (c *check) texts() {
	a := c.args
	if !c.unknown("schedule") && strings.TrimSpace(a.Schedule) == "" {
		c.fail("schedule", "is empty: give a calendar event such as 02:30 or sat 03:00")
	}
	c.length("schedule", a.Schedule, maxScheduleLength)
	if !c.unknown("storage") && !storageID.MatchString(a.Storage) {
		c.fail("storage", "%q is no id of a storage: see Datacenter > Storage", a.Storage)
	}
	c.oneOf("mode", &a.Mode, "snapshot", "suspend", "stop")
	c.oneOf("compress", &a.Compress, "0", "gzip", "lzo", "zstd")
	c.oneOf("notificationMode", &a.NotificationMode, "auto", "legacy-sendmail", "notification-system")
	c.oneOf("mailNotification", a.MailNotification, "always", "failure")
	c.oneOf("pbsChangeDetectionMode", a.PBSChangeDetectionMode, "legacy", "data", "metadata")
	if a.Comment != nil {
		c.length("comment", *a.Comment, maxCommentLength)
	}
	if a.NotesTemplate != nil {
		c.length("notesTemplate", escapeNotes.Replace(*a.NotesTemplate), maxNotesLength)
	}
	for _, recipient := range a.MailTo {
		if !c.unknown("mailTo") && !slices.Equal(splitList(recipient), []string{recipient}) {
			c.fail("mailTo", "%q is not one recipient: make one item of each", recipient)
		}
	}
	if slices.Contains(a.ExcludePaths, "") && !c.unknown("excludePaths") {
		c.fail("excludePaths", "an empty path excludes nothing: remove it")
	}
	if a.Fleecing != nil && !c.unknown("fleecing") && !storageID.MatchString(a.Fleecing.Storage) {
		c.fail("fleecing.storage", "%q is no id of a storage: see Datacenter > Storage", a.Fleecing.Storage)
	}
}

func (c *check) length(property, text string, limit int) {
	if n := len([]rune(text)); n > limit {
		c.fail(property, "has %d characters: Proxmox VE takes %d", n, limit)
	}
}

func (c *check) oneOf(property string, value *string, allowed ...string) {
	if value != nil && !c.unknown(property) && !slices.Contains(allowed, *value) {
		c.fail(property, "%q is not one of %s", *value, strings.Join(allowed, ", "))
	}
}

func (c *check) numbers() {
	a := c.args
	c.within("zstdThreads", a.ZstdThreads, 0, maxNumber)
	c.within("pigzThreads", a.PigzThreads, 0, maxNumber)
	c.within("bwLimitKiBps", a.BwLimitKiBps, 0, maxNumber)
	c.within("ioNice", a.IONice, 0, maxIONice)
	c.within("lockWaitMinutes", a.LockWaitMinutes, 0, maxNumber)
	c.within("stopWaitMinutes", a.StopWaitMinutes, 0, maxNumber)
	if perf := a.Performance; perf != nil && !c.unknown("performance") {
		c.within("performance.maxWorkers", perf.MaxWorkers, 1, maxPerfWorkers)
		c.within("performance.pbsEntriesMax", perf.PBSEntriesMax, 1, maxNumber)
	}
}

func (c *check) within(property string, value *int, low, high int) {
	if value != nil && !c.unknown(property) && (*value < low || *value > high) {
		c.fail(property, "%d is out of range: %d to %d", *value, low, high)
	}
}

func (c *check) retention() {
	r := c.args.Retention
	if r == nil || c.unknown("retention") {
		return
	}
	numbers := 0
	for name, keep := range r.keeps() {
		if *keep != nil {
			numbers++
			c.within("retention."+retentionProperties[name], *keep, 1, maxNumber)
		}
	}
	all := r.KeepAll != nil && *r.KeepAll
	switch {
	case all && numbers > 0:
		c.fail("retention.keepAll", "excludes the other keep settings: remove one or the other")
	case !all && numbers == 0:
		c.fail("retention", "keeps nothing: set keepLast or another, keepAll: true, or no retention for the storage's own")
	}
}

var retentionProperties = map[string]string{
	"keep-last": "keepLast", "keep-hourly": "keepHourly", "keep-daily": "keepDaily",
	"keep-weekly": "keepWeekly", "keep-monthly": "keepMonthly", "keep-yearly": "keepYearly",
}

// normalise gives what means the same the form that decode gives it, so that a refresh or a second
// preview finds no difference. Inputs with unknown parts are left as they are: their parts are
// found again by their place.
func (c *check) normalise() {
	a := c.args
	if !c.unknown("vmIds") {
		a.VMIDs = nonEmpty(unique(a.VMIDs))
	}
	if !c.unknown("excludeVmIds") {
		a.ExcludeVMIDs = nonEmpty(unique(a.ExcludeVMIDs))
	}
	a.MailTo = nonEmpty(a.MailTo)
	a.ExcludePaths = nonEmpty(a.ExcludePaths)
	if a.All != nil && !*a.All && !c.unknown("all") {
		a.All = nil
	}
	for property, text := range map[string]**string{"pool": &a.Pool, "node": &a.Node, "comment": &a.Comment, "notesTemplate": &a.NotesTemplate} {
		if *text != nil && **text == "" && !c.unknown(property) {
			*text = nil
		}
	}
	if r := a.Retention; r != nil && r.KeepAll != nil && !*r.KeepAll && !c.unknown("retention") {
		r.KeepAll = nil
	}
	if perf := a.Performance; perf != nil && *perf == (Performance{}) && !c.unknown("performance") {
		a.Performance = nil
	}
}

func nonEmpty[T any](items []T) []T {
	if len(items) == 0 {
		return nil
	}
	return items
}
