package backup

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// option is one option of a job: its name in Proxmox VE's API, the input that sets it, and the way
// from one to the other and back.
type option struct {
	name, property string
	// encode returns the option's values; none means that it is not set. Only exclude-path has several.
	encode func(*JobArgs) []string
	// decode takes what the API shows into the inputs.
	decode func(any, *JobArgs) error
}

// options are all that this resource manages. tmpdir, dumpdir and script are for root alone, and
// maxfiles, starttime, dow, notification-target and notification-policy are superseded.
// https://pve.proxmox.com/pve-docs/api-viewer/index.html#/cluster/backup
var options = []option{
	text("schedule", "schedule", func(a *JobArgs) *string { return &a.Schedule }),
	text("storage", "storage", func(a *JobArgs) *string { return &a.Storage }),
	{"vmid", "vmIds", func(a *JobArgs) []string { return numberList(a.VMIDs) }, func(v any, a *JobArgs) (err error) {
		a.VMIDs, err = parseVMIDs(v)
		return err
	}},
	optionalText("pool", "pool", func(a *JobArgs) **string { return &a.Pool }),
	{"all", "all", func(a *JobArgs) []string { return ifTrue(a.All) }, func(v any, a *JobArgs) error {
		all, err := parseBool(v)
		a.All = nil
		if all {
			a.All = &all
		}
		return err
	}},
	{"exclude", "excludeVmIds", func(a *JobArgs) []string { return numberList(a.ExcludeVMIDs) }, func(v any, a *JobArgs) (err error) {
		a.ExcludeVMIDs, err = parseVMIDs(v)
		return err
	}},
	optionalText("node", "node", func(a *JobArgs) **string { return &a.Node }),
	optionalFlag("enabled", "enabled", func(a *JobArgs) **bool { return &a.Enabled }),
	flag("repeat-missed", "repeatMissed", func(a *JobArgs) *bool { return &a.RepeatMissed }),
	optionalText("comment", "comment", func(a *JobArgs) **string { return &a.Comment }),
	text("mode", "mode", func(a *JobArgs) *string { return &a.Mode }),
	{"compress", "compress", func(a *JobArgs) []string { return []string{a.Compress} }, func(v any, a *JobArgs) (err error) {
		a.Compress, err = parseText(v)
		if a.Compress == "1" { // the old name
			a.Compress = "lzo"
		}
		return err
	}},
	optionalNumber("zstd", "zstdThreads", func(a *JobArgs) **int { return &a.ZstdThreads }),
	optionalNumber("pigz", "pigzThreads", func(a *JobArgs) **int { return &a.PigzThreads }),
	{"prune-backups", "retention", encodeRetention, decodeRetention},
	flag("protected", "protected", func(a *JobArgs) *bool { return &a.Protected }),
	{"notes-template", "notesTemplate", encodeNotes, decodeNotes},
	text("notification-mode", "notificationMode", func(a *JobArgs) *string { return &a.NotificationMode }),
	{"mailto", "mailTo", func(a *JobArgs) []string { return joined(a.MailTo) }, func(v any, a *JobArgs) (err error) {
		a.MailTo, err = parseList(v)
		return err
	}},
	optionalText("mailnotification", "mailNotification", func(a *JobArgs) **string { return &a.MailNotification }),
	optionalNumber("bwlimit", "bwLimitKiBps", func(a *JobArgs) **int { return &a.BwLimitKiBps }),
	optionalNumber("ionice", "ioNice", func(a *JobArgs) **int { return &a.IONice }),
	optionalNumber("lockwait", "lockWaitMinutes", func(a *JobArgs) **int { return &a.LockWaitMinutes }),
	optionalNumber("stopwait", "stopWaitMinutes", func(a *JobArgs) **int { return &a.StopWaitMinutes }),
	{"fleecing", "fleecing", encodeFleecing, decodeFleecing},
	{"performance", "performance", encodePerformance, decodePerformance},
	optionalText("pbs-change-detection-mode", "pbsChangeDetectionMode", func(a *JobArgs) **string { return &a.PBSChangeDetectionMode }),
	{"exclude-path", "excludePaths", func(a *JobArgs) []string { return a.ExcludePaths }, func(v any, a *JobArgs) (err error) {
		a.ExcludePaths, err = parsePaths(v)
		return err
	}},
	optionalFlag("stdexcludes", "stdExcludes", func(a *JobArgs) **bool { return &a.StdExcludes }),
}

// encode returns the options that the inputs set, and the names of those that they leave unset.
func encode(a *JobArgs) (set url.Values, unset []string) {
	set = url.Values{}
	for _, o := range options {
		if values := o.encode(a); len(values) > 0 {
			set[o.name] = values
		} else {
			unset = append(unset, o.name)
		}
	}
	return set, unset
}

func text(name, property string, at func(*JobArgs) *string) option {
	return option{name, property, func(a *JobArgs) []string { return []string{*at(a)} }, func(v any, a *JobArgs) (err error) {
		*at(a), err = parseText(v)
		return err
	}}
}

func optionalText(name, property string, at func(*JobArgs) **string) option {
	encode := func(a *JobArgs) []string {
		if value := *at(a); value != nil && *value != "" {
			return []string{*value}
		}
		return nil
	}
	return option{name, property, encode, func(v any, a *JobArgs) error {
		value, err := parseText(v)
		*at(a) = nil
		if value != "" {
			*at(a) = &value
		}
		return err
	}}
}

func optionalNumber(name, property string, at func(*JobArgs) **int) option {
	encode := func(a *JobArgs) []string {
		if *at(a) == nil {
			return nil
		}
		return []string{strconv.Itoa(**at(a))}
	}
	return option{name, property, encode, func(v any, a *JobArgs) error {
		value, err := parseInt(v)
		*at(a) = &value
		return err
	}}
}

func flag(name, property string, at func(*JobArgs) *bool) option {
	return option{name, property, func(a *JobArgs) []string { return []string{bit(*at(a))} }, func(v any, a *JobArgs) (err error) {
		*at(a), err = parseBool(v)
		return err
	}}
}

func optionalFlag(name, property string, at func(*JobArgs) **bool) option {
	encode := func(a *JobArgs) []string {
		if *at(a) == nil {
			return nil
		}
		return []string{bit(**at(a))}
	}
	return option{name, property, encode, func(v any, a *JobArgs) error {
		set, err := parseBool(v)
		*at(a) = &set
		return err
	}}
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func ifTrue(b *bool) []string {
	if b == nil || !*b {
		return nil
	}
	return []string{"1"}
}

func joined(items []string) []string {
	if len(items) == 0 {
		return nil
	}
	return []string{strings.Join(items, ",")}
}

func numberList(numbers []int) []string {
	var items []string
	for _, n := range numbers {
		items = append(items, strconv.Itoa(n))
	}
	return joined(items)
}

// keeps are the numbers of a retention by their names in the API.
func (r *Retention) keeps() map[string]**int {
	return map[string]**int{
		"keep-last": &r.KeepLast, "keep-hourly": &r.KeepHourly, "keep-daily": &r.KeepDaily,
		"keep-weekly": &r.KeepWeekly, "keep-monthly": &r.KeepMonthly, "keep-yearly": &r.KeepYearly,
	}
}

func encodeRetention(a *JobArgs) []string {
	if a.Retention == nil {
		return nil
	}
	if len(ifTrue(a.Retention.KeepAll)) > 0 {
		return []string{"keep-all=1"}
	}
	return numberProperties(a.Retention.keeps())
}

func decodeRetention(v any, a *JobArgs) error {
	properties, err := parseProperties(v, "")
	if err != nil {
		return err
	}
	r := &Retention{}
	if text, found := properties["keep-all"]; found {
		all, err := parseBool(text)
		if err != nil {
			return err
		}
		if all {
			r.KeepAll = &all
		}
	}
	if err := decodeNumbers(properties, r.keeps()); err != nil {
		return err
	}
	a.Retention = nil
	for _, keep := range r.keeps() {
		if *keep != nil && **keep == 0 { // as good as unset
			*keep = nil
		}
	}
	if *r != (Retention{}) {
		a.Retention = r
	}
	return nil
}

func (p *Performance) numbers() map[string]**int {
	return map[string]**int{"max-workers": &p.MaxWorkers, "pbs-entries-max": &p.PBSEntriesMax}
}

func encodePerformance(a *JobArgs) []string {
	if a.Performance == nil {
		return nil
	}
	return numberProperties(a.Performance.numbers())
}

func decodePerformance(v any, a *JobArgs) error {
	properties, err := parseProperties(v, "")
	if err != nil {
		return err
	}
	p := &Performance{}
	if err := decodeNumbers(properties, p.numbers()); err != nil {
		return err
	}
	a.Performance = nil
	if *p != (Performance{}) {
		a.Performance = p
	}
	return nil
}

func numberProperties(numbers map[string]**int) []string {
	var items []string
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		if n := *numbers[name]; n != nil {
			items = append(items, name+"="+strconv.Itoa(*n))
		}
	}
	return joined(items)
}

func decodeNumbers(properties map[string]string, numbers map[string]**int) error {
	for name, at := range numbers {
		text, found := properties[name]
		if !found {
			continue
		}
		n, err := parseInt(text)
		if err != nil {
			return err
		}
		*at = &n
	}
	return nil
}

func encodeFleecing(a *JobArgs) []string {
	if a.Fleecing == nil {
		return nil
	}
	return []string{"enabled=1,storage=" + a.Fleecing.Storage}
}

func decodeFleecing(v any, a *JobArgs) error {
	properties, err := parseProperties(v, "enabled")
	if err != nil {
		return err
	}
	on, err := parseBool(properties["enabled"])
	if err != nil {
		return err
	}
	a.Fleecing = nil
	if !on {
		return nil
	}
	if !storageID.MatchString(properties["storage"]) {
		return fmt.Errorf("%q is no id of a storage", properties["storage"])
	}
	a.Fleecing = &Fleecing{Storage: properties["storage"]}
	return nil
}

// Proxmox wants notes on a single line, with line breaks and backslashes escaped.
var (
	escapeNotes   = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	unescapeNotes = strings.NewReplacer(`\\`, `\`, `\n`, "\n")
)

func encodeNotes(a *JobArgs) []string {
	if a.NotesTemplate == nil || *a.NotesTemplate == "" {
		return nil
	}
	return []string{escapeNotes.Replace(*a.NotesTemplate)}
}

func decodeNotes(v any, a *JobArgs) error {
	text, err := parseText(v)
	a.NotesTemplate = nil
	if notes := unescapeNotes.Replace(text); notes != "" {
		a.NotesTemplate = &notes
	}
	return err
}
