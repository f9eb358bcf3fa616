package pve

import "strings"

// ProjectTag is a tag of every guest that pve-home makes.
const ProjectTag = "pve-home"

// StackTag is the tag of a stack's guests: Proxmox has no capitals in tags, and none begins with a
// dot or a dash. It is empty where nothing of the name is left.
func StackTag(stack string) string { return strings.TrimLeft(strings.ToLower(stack), ".-") }
