package apischema

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// errorsOf validates a request and returns the errors by parameter.
func errorsOf(t testing.TB, s *Schema, request, form string) map[string]string {
	t.Helper()
	call, pathParams := lookup(t, s, request)
	// Lists may be separated by semicolons, which ParseQuery refuses unescaped.
	values, err := url.ParseQuery(strings.ReplaceAll(form, ";", "%3B"))
	require.NoError(t, err)
	found := map[string]string{}
	for _, e := range call.Validate(pathParams, values) {
		require.NotContains(t, found, e.Param, "one error per parameter")
		found[e.Param] = e.Reason
	}
	return found
}

func TestValidate(t *testing.T) {
	const create = "POST nodes/pve1/qemu"
	s := fixture(t)
	for _, test := range []struct {
		name    string
		request string
		form    string
		want    map[string]string
	}{
		{"valid", create, "vmid=100&name=web.lab&onboot=1&cores=2&cpulimit=1.5&tags=a;b&ostype=l26", nil},
		{"missing", create, "name=web", map[string]string{"vmid": reasonMissing}},
		{"unknown", create, "vmid=100&colour=red", map[string]string{"colour": reasonUnknown}},
		{"several", create, "colour=red&cores=0", map[string]string{
			"vmid": reasonMissing, "colour": reasonUnknown, "cores": "value must have a minimum value of 1"}},
		{"path parameter", "POST nodes/pve_1/qemu", "vmid=100", map[string]string{
			"node": "invalid format - value does not look like a valid node name\n"}},
		{"path parameter repeated", create, "vmid=100&node=pve1", nil},
		{"path parameter contradicted", create, "vmid=100&node=pve2", map[string]string{"node": reasonConflict}},
		{"boolean word", create, "vmid=100&onboot=true", map[string]string{"onboot": "type check ('boolean') failed - got 'true'"}},
		{"integer", create, "vmid=100&cores=two", map[string]string{"cores": "type check ('integer') failed - got 'two'"}},
		{"integer with fraction", create, "vmid=100&cores=1.5", map[string]string{"cores": "type check ('integer') failed - got '1.5'"}},
		{"number", create, "vmid=100&cpulimit=half", map[string]string{"cpulimit": "type check ('number') failed - got 'half'"}},
		{"maximum", create, "vmid=100&cpulimit=129", map[string]string{"cpulimit": "value must have a maximum value of 128"}},
		{"exponent", create, "vmid=100&cpulimit=1e999", map[string]string{"cpulimit": "value must have a maximum value of 128"}},
		{"format before minimum", create, "vmid=99", map[string]string{"vmid": "invalid format - value does not look like a valid VM ID\n"}},
		{"minimum given as text", "POST cluster/backup", "bwlimit=-1", map[string]string{"bwlimit": "value must have a minimum value of 0"}},
		{"longest", create, "vmid=100&description=" + url.QueryEscape("Müßiggä"), nil},
		{"too long", create, "vmid=100&description=123456789", map[string]string{"description": "value may only be 8 characters long"}},
		{"too short", create, "vmid=100&parent=ab", map[string]string{"parent": "value must be at least 3 characters long"}},
		{"enum", create, "vmid=100&ostype=l27", map[string]string{"ostype": "value 'l27' does not have a value in the enumeration 'l26, other'"}},
		{"pattern", "POST cluster/backup", "starttime=noon", map[string]string{"starttime": "value does not match the regex pattern"}},
		{"requires", "POST cluster/backup", "dow=mon,tue", map[string]string{"starttime": "missing property - 'dow' requires this property"}},
		{"requires twice", "POST cluster/backup", "dow=mon&repeat-missed=1", map[string]string{
			"starttime": `missing property - 'dow' requires this property\nmissing property - 'repeat-missed' requires this property`}},
		{"requires met", "POST cluster/backup", "dow=mon,tue&starttime=1:00", nil},
		{"index", create, "vmid=100&scsi30=local:1&net31=virtio&hostpci15=00:02.0", nil},
		{"index too high", create, "vmid=100&scsi31=local:1", map[string]string{"scsi31": reasonUnknown}},
		{"index with zero", create, "vmid=100&scsi01=local:1", map[string]string{"scsi01": reasonUnknown}},
		{"no index", create, "vmid=100&scsi=local:1", map[string]string{"scsi": reasonUnknown}},
		{"schema name of index", create, "vmid=100&scsi[n]=local:1", map[string]string{"scsi[n]": reasonUnknown}},
		{"list entry", create, "vmid=100&tags=good;b:d", map[string]string{"tags": "invalid format - invalid characters in tag\n"}},
		{"empty list", create, "vmid=100&delete=", nil},
		{"list with NUL", create, "vmid=100&delete=net0%00net1", nil},
		{"repeated list", create, "vmid=100&delete=net0&delete=net1", nil},
		{"repeated scalar", create, "vmid=100&name=a&name=b", map[string]string{"name": "type check ('string') failed - got ARRAY"}},
		{"optional format empty", "POST cluster/backup", "mailto=", nil},
		{"optional format", "POST cluster/backup", "mailto=nobody", map[string]string{"mailto": "invalid format - value does not look like a valid email address\n"}},
		{"array of one", "POST cluster/backup", "exclude-path=/tmp", nil},
		{"array of two", "POST cluster/backup", "exclude-path=/tmp&exclude-path=/var", nil},
		{"array empty", "POST cluster/backup", "exclude-path=", map[string]string{"exclude-path": "type check ('array') failed"}},
		{"free format", create, "vmid=100&future=!", nil},
		{"no properties", "GET version", "a=1", map[string]string{"a": reasonUnknown}},
		{"open parameters", "PUT cluster/fabrics", "protocol=ospf&extra=1", nil},
		{"variant", "PUT cluster/fabrics", "protocol=ospf&delete=area", nil},
		{"variant of other type", "PUT cluster/fabrics", "protocol=ospf&delete=area&delete=hello_interval", map[string]string{
			"delete[1]": "value 'hello_interval' does not have a value in the enumeration 'area'"}},
		{"variant without type", "PUT cluster/fabrics", "delete=area", map[string]string{"protocol": reasonMissing}},
		{"privileges", "POST access/roles", "roleid=ops&privs=VM.Audit,VM.Clone", nil},
		{"privilege of another version", "POST access/roles", "roleid=ops&privs=VM.Monitor", map[string]string{"privs": "invalid format - invalid privilege 'VM.Monitor'\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := errorsOf(t, s, test.request, test.form)
			if test.want == nil {
				test.want = map[string]string{}
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestValidateSorts(t *testing.T) {
	call, pathParams := lookup(t, fixture(t), "POST nodes/pve1/qemu")
	errs := call.Validate(pathParams, url.Values{"zeta": {"1"}, "alpha": {"1"}, "cores": {"x"}})
	var names []string
	for _, e := range errs {
		names = append(names, e.Param)
	}
	require.Equal(t, []string{"alpha", "cores", "vmid", "zeta"}, names)
	require.EqualError(t, errs[0], "alpha: "+reasonUnknown)
}

func TestValidatePropertyStrings(t *testing.T) {
	s := fixture(t)
	for _, test := range []struct{ param, value, reason string }{
		{"scsi0", "local-lvm:8", ""},
		{"scsi0", "file=local-lvm:8,size=8G,iothread=on", ""},
		{"scsi0", "volume=local-lvm:8", ""},
		{"scsi0", "local-lvm:8,,iothread=1,", ""},
		{"scsi0", "local-lvm:8,vendor=12345678,wwn=0x0123456789abcdef", ""},
		{"scsi0", "local-lvm:8,vendor=123456789", "format error\nscsi0.vendor: value does not match the regex pattern"},
		{"scsi0", "local-lvm:8,foo=1", "format error\nscsi0.foo: " + reasonUnknown},
		{"scsi0", "size=8G", "format error\nscsi0.file: " + reasonMissing},
		{"scsi0", "local-lvm:8,iothread=maybe,size=big", "format error\nscsi0.iothread: type check ('boolean') failed - got 'maybe'\n" +
			"scsi0.size: invalid format - value does not look like a valid disk size: big\n"},
		{"scsi0", "local-lvm", "format error\nscsi0.file: invalid format - unable to parse volume ID 'local-lvm'\n"},
		{"scsi0", "a:1,b:2", "duplicate key in comma-separated list property: file"},
		{"scsi0", "a:1,file=b:2", "duplicate key in comma-separated list property: file"},
		{"scsi0", "file=a:1,b:2", "duplicate key in comma-separated list property: file"},
		{"scsi0", "a:1,size=1G,size=2G", "duplicate key in comma-separated list property: size"},
		{"scsi0", "a:1,size=", "missing key in comma-separated list property"},
		{"scsi0", "a:1,=1G", "missing key in comma-separated list property"},
		{"cdrom", "none,media=cdrom", ""},
		{"cdrom", "none,media=tape", "format error\ncdrom.media: value 'tape' does not have a value in the enumeration 'cdrom, disk'"},
		{"net0", "virtio,bridge=vmbr0", ""},
		{"net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=12", ""},
		{"net0", "virtio=01:00:5E:00:00:01", "format error\nnet0.macaddr: invalid format - value does not look like a valid unicast MAC address\n"},
		{"net0", "virtio=BC:24:11:00:00:01,e1000=BC:24:11:00:00:02", "key alias 'model' is already defined"},
		{"net0", "virtio,tag=4095", "format error\nnet0.tag: value must have a maximum value of 4094"},
		{"agent", "1", ""},
		{"agent", "enabled=yes,freeze-fs-on-backup=0", ""},
		{"agent", "yes", "format error\nagent.enabled: type check ('boolean') failed - got 'yes'"},
		{"ipconfig0", "ip=dhcp", ""},
		{"ipconfig0", "ip=10.0.0.2/24,gw=10.0.0.1", ""},
		{"ipconfig0", "gw=10.0.0.1", "format error\nipconfig0.ip: missing property - 'ipconfig0.gw' requires this property"},
		{"ipconfig0", "10.0.0.2/24", "value without key, but schema does not define a default key"},
		{"cpu", "x86-64-v2-AES", ""},
		{"cpu", "cputype=host,flags=+aes;-pcid", ""},
		{"cpu", "custom-mine", ""},
		{"cpu", "fast", "Built-in cputype 'fast' is not defined (missing 'custom-' prefix?)"},
		{"cpu", "hidden=1", "CPU is missing cputype"},
		{"cpu", "host,flags=+svm", "VM-specific CPU flags must be a subset of: nested-virt, md-clear, pcid, spec-ctrl, ssbd, ibpb, virt-ssbd, amd-ssbd, amd-no-ssb, pdpe1gb, hv-tlbflush, hv-evmcs, aes"},
		{"cpu", "host,reported-model=kvm64", "Property 'reported-model' not allowed in VM-specific CPU config."},
		{"cpu", "host,phys-bits=65", "format error\ncpu.phys-bits: invalid format - value must be an integer between 8 and 64 or 'host'\n"},
		{"boot", "order=scsi0;net0", ""},
		{"boot", "order=scsi0;floppy0", "format error\nboot.order: invalid format - invalid boot device 'floppy0'\n"},
		{"boot", "order=scsi31", "format error\nboot.order: invalid format - invalid boot device 'scsi31'\n"},
	} {
		t.Run(test.param+"="+test.value, func(t *testing.T) {
			got := errorsOf(t, s, "POST nodes/pve1/qemu", url.Values{"vmid": {"100"}, test.param: {test.value}}.Encode())
			want := map[string]string{}
			if test.reason != "" {
				want[test.param] = "invalid format - " + test.reason + "\n"
			}
			require.Equal(t, want, got)
		})
	}
}

func FuzzPropertyString(f *testing.F) {
	call, _ := lookup(f, fixture(f), "POST nodes/pve1/qemu")
	for _, seed := range []string{"", "a:1,size=8G", "virtio=BC:24:11:00:00:01,bridge=vmbr0", ",=,", "=", "a=b=c", "a\n,b=\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"scsi0", "net0", "agent", "cpu", "boot", "ipconfig0"} {
			format := call.parameters.properties[name].format.(propertyString)
			values, err := format.parse(text)
			if err != nil {
				require.Nil(t, values)
				continue
			}
			for key, value := range values {
				require.NotEmpty(t, key)
				require.NotEmpty(t, value)
			}
		}
	})
}

func FuzzValidate(f *testing.F) {
	s := fixture(f)
	f.Add("vmid=100&scsi0=local:8&tags=a,b&delete=net0&delete=net1&cores=1e9")
	f.Add("schedule=mon..fri 2:30&vmid=100,200&prune-backups=keep-last=3&exclude-path=a&exclude-path=b")
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, call := range s.Calls() {
			errs := call.Validate(map[string]string{"node": "pve1"}, form)
			for i, e := range errs {
				require.NotEmpty(t, e.Reason)
				require.True(t, i == 0 || errs[i-1].Param < e.Param, "sorted, one error per parameter")
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	call, pathParams := lookup(b, fixture(b), "POST nodes/pve1/qemu")
	form, err := url.ParseQuery("vmid=100&name=web&cores=2&tags=iac,lab&ostype=l26&onboot=1&agent=enabled=1" +
		"&scsi0=file=local-lvm:8,size=8G,iothread=1&net0=virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=12&ipconfig0=ip=10.0.0.2/24,gw=10.0.0.1")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if errs := call.Validate(pathParams, form); errs != nil {
			b.Fatal(errs)
		}
	}
}
