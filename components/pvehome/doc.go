// Backup schedules of Proxmox VE and Docker Compose projects on its guests
package pvehome
