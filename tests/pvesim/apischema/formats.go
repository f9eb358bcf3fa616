package apischema

var namedFormats = map[string]formatFunc{
	"pve-vmid":       matches(`^[1-9][0-9]{2,8}$`, "value does not look like a valid VM ID"),
	"pve-node":       matches(`^[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?$`, "value does not look like a valid node name"),
	"pve-configid":   matches(`(?i)^[a-z][a-z0-9_-]+$`, "invalid configuration ID '%s'"),
	"pve-storage-id": matches(`(?i)^[a-z][a-z0-9\-_.]*[a-z0-9]$`, "storage ID '%s' contains illegal characters"),
}

var freeFormats = map[string]string{}
