package main

type token struct{ module, name string }

// resources maps the Terraform names to the tokens that the Go SDK v6 registers; what the SDK
// does not know is not served.
var resources = map[string]token{
	"acl":                             {"index", "Acl"},
	"acme_account":                    {"index", "AcmeAccount"},
	"acme_dns_plugin":                 {"index", "AcmeDnsPlugin"},
	"apt_repository":                  {"Apt", "Repository"},
	"apt_standard_repository":         {"Apt/standard", "Repository"},
	"certificate":                     {"index", "Certifi"},
	"cluster_firewall":                {"Network", "Firewall"},
	"cluster_firewall_security_group": {"Network", "FirewallSecurityGroup"},
	"cluster_options":                 {"Cluster", "Options"},
	"container":                       {"CT", "Container"},
	"dns":                             {"index", "DNS"},
	"download_file":                   {"Download", "File"},
	"file":                            {"Storage", "File"},
	"firewall_alias":                  {"Network", "FirewallAlias"},
	"firewall_ipset":                  {"Network", "FirewallIPSet"},
	"firewall_options":                {"Network", "FirewallOptions"},
	"firewall_rules":                  {"Network", "FirewallRules"},
	"group":                           {"Permission", "Group"},
	"hagroup":                         {"HA", "HAGroup"},
	"haresource":                      {"HA", "HAResource"},
	"hardware_mapping_pci":            {"Hardware/mapping", "Pci"},
	"hardware_mapping_usb":            {"Hardware/mapping", "Usb"},
	"hosts":                           {"index", "Hosts"},
	"network_linux_bridge":            {"Network", "NetworkBridge"},
	"network_linux_vlan":              {"Network", "NetworkVlan"},
	"pool":                            {"Permission", "Pool"},
	"role":                            {"Permission", "Role"},
	"time":                            {"index", "Time"},
	"user":                            {"Permission", "User"},
	"user_token":                      {"User", "Token"},
	"vm":                              {"VM", "VirtualMachine"},
}

var dataSources = map[string]token{
	"datastores": {"Storage", "getDatastores"},
	"node":       {"index", "getNode"},
	"nodes":      {"Cluster", "getNodes"},
	"version":    {"Network", "getVersion"},
	"vm":         {"VM", "getVirtualMachine"},
	"vms":        {"VM", "getVirtualMachines"},
}
