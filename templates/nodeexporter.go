package templates

import "net"

// NodeExporter is Debian's and Ubuntu's package of Prometheus' node exporter.
type NodeExporter struct {
	// ListenAddress is an IP address of the guest; empty means all. Who may connect is the firewall's matter.
	ListenAddress string
}

const (
	// NodeExporterPort is the port registered for the node exporter
	// (https://github.com/prometheus/prometheus/wiki/Default-port-allocations).
	NodeExporterPort = "9100"
	// TextfileFolder is where a guest's own jobs leave metrics in files *.prom; the package creates it.
	TextfileFolder = "/var/lib/prometheus/node-exporter"
)

func (u UserData) nodeExporterPart() (p part, err error) {
	if u.NodeExporter == nil {
		return p, nil
	}
	p.packages = []string{"prometheus-node-exporter"}
	// The service starts when its package is installed, and its drop-in is there by then.
	return p, p.add("/etc/systemd/system/prometheus-node-exporter.service.d/pve-home.conf", "cloud-init/node-exporter.service.tmpl", struct{ Listen, TextfileFolder string }{
		net.JoinHostPort(u.NodeExporter.ListenAddress, NodeExporterPort), TextfileFolder,
	})
}
