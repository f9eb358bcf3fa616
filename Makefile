# Everything a contributor runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test lint docs generate bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo "  make demo SUMMARY=file.json   also write the result as JSON"
	@echo "  make demo KEEP=1              leave the lab running and print how to look at it"

demo: .bin/demo ## bring prod, lab and monitoring up on a simulated Proxmox VE
	@exec .bin/demo $(if $(SUMMARY),-summary '$(SUMMARY)') $(if $(KEEP),-keep)

test: ## run all tests; PVE_API_SCHEMA=file also checks requests against Proxmox's API schema
	@go run ./tests/toolchain/ensure pulumi pulumi-resource-proxmoxve pulumi-resource-minio pulumi-resource-pvehome minio
	go test ./...
	cd provider && go test ./...
	cd tests && go test -timeout 30m -parallel 4 ./...

lint: ## gofmt, go vet, golangci-lint with the layering rules, shellcheck
	@go run ./tests/toolchain/ensure golangci-lint
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	go vet ./...
	cd provider && go vet ./...
	cd tests && go vet ./...
	.bin/golangci-lint run ./...
	cd provider && ../.bin/golangci-lint run --config ../.golangci.yml ./...
	cd tests && ../.bin/golangci-lint run --config ../.golangci.yml ./...
	shellcheck .ci/run $$(git ls-files "*.sh")

docs: ## regenerate docs/configuration.md
	go run ./scripts/docs

generate: ## regenerate the schema and the Go SDK of the provider pvehome
	cd provider && go run ./sdk/generate ..

bench: ## measure stacks of 1, 10, 50 and 200 guests
	@go run ./tests/lab/bench

clean: ## remove what was compiled and left over
	rm -rf .bin .tmp summary.json

.bin/demo: FORCE
	@mkdir -p .bin
	@[ -e $@ ] || echo "compiling pve-home and its demo (the first time takes minutes) ..."
	@go build -o $@ ./tests/lab/demo

.PHONY: FORCE
FORCE:
