// Package filetree is a small POSIX file system in memory: directories, files and symbolic links with modes and
// owners, permission checks, and a limited capacity. It is what a simulated guest has on its disk.
//
// A Tree is not safe for concurrent use. It encodes to JSON as it is.
package filetree
