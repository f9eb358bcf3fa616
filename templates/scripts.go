package templates

import "path"

// scriptFolder is where the scripts of the first boot lie on a guest. They take all that differs
// between guests as arguments, so nothing is rendered into them. After a failure, for example of
// the network, `sudo cloud-init single --name scripts_user --frequency always` runs all steps again.
const scriptFolder = "/usr/local/lib/pve-home"

const (
	scriptStep          = "step"
	scriptReport        = "report-steps"
	scriptDataDisk      = "data-disk"
	scriptAptRepository = "apt-repository"
	scriptAptInstall    = "apt-install"
)

// addScripts adds the scripts that the steps call, and what reports the steps that failed.
func (p *part) addScripts() error {
	if len(p.steps) == 0 {
		return nil
	}
	scripts := []string{scriptStep, scriptReport}
	for i, step := range p.steps {
		switch step[0] {
		case scriptDataDisk, scriptAptRepository, scriptAptInstall:
			scripts = append(scripts, step[0])
		}
		p.steps[i] = append([]string{path.Join(scriptFolder, scriptStep)}, step...)
	}
	p.steps = append(p.steps, []string{path.Join(scriptFolder, scriptReport)})
	for _, name := range unique(scripts) {
		content, err := files.ReadFile("scripts/" + name + ".sh")
		if err != nil {
			return err
		}
		p.files = append(p.files, File{Path: path.Join(scriptFolder, name), Mode: "0755", Content: string(content)})
	}
	return nil
}
