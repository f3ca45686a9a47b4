# Thin on purpose: every target is one command, the work is in e2e/.
.PHONY: run test check conformance e2e bench

run: ## build and serve on 127.0.0.1:5000, data in ./data
	@e2e/lib/serve.sh

test: ## everything, set-up included
	@e2e/test.sh

check: ## formatting, clippy and cargo test
	@e2e/test.sh --check

conformance: ## the official OCI suite, where its binary is there
	@e2e/conformance.sh

e2e: ## every real client, every image, every form of name
	@e2e/run.sh

bench: ## side by side with its peers, where they are there; takes more than an hour
	@bench/run.py $(ARGS)
