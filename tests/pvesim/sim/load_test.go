package sim_test

import (
	"fmt"
	"testing"
)

// BenchmarkGuests makes b.N guests as the Terraform provider does and reads each; it shows whether the cost of a
// guest grows with their number.
func BenchmarkGuests(b *testing.B) {
	for _, guests := range []int{10, 200} {
		b.Run(fmt.Sprint(guests), func(b *testing.B) {
			for b.Loop() {
				c := start(b)
				for vmid := 100; vmid < 100+guests; vmid++ {
					path := fmt.Sprintf("/nodes/pve1/qemu/%d", vmid)
					c.task("POST", "/nodes/pve1/qemu/9000/clone", fmt.Sprintf("newid=%d&full=1&storage=local-lvm", vmid))
					c.ok("PUT", path+"/config", fmt.Sprintf("ide2=local-lvm:cloudinit&ipconfig0=ip=127.81.1.%d/24&tags=a;b", vmid%200+20))
					c.task("PUT", path+"/resize", "disk=scsi0&size=20G")
					c.task("POST", path+"/status/start", "")
					c.list("/cluster/resources?type=vm")
					c.list("/nodes/pve1/storage/local/content")
					c.object(path + "/config")
					c.object(path + "/status/current")
				}
				_ = c.Close() // the cleanup of start reports errors
			}
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*guests), "ms/guest")
		})
	}
}
