# Thin on purpose: every target is one command, the work is in e2e/.
.PHONY: run test check conformance e2e peers bench fuzz soak faults mutants

run: ## build and serve on 127.0.0.1:5000, data in ./data
	@e2e/lib/serve.sh

test: ## everything, set-up included
	@e2e/test.sh

check: ## formatting, clippy and cargo test
	@e2e/test.sh --check

conformance: ## the official OCI suite, where its binary is there
	@e2e/conformance.sh

e2e: ## every real client, every image, every form of name; a real browser; every pair of stores
	@e2e/run.sh
	@e2e/browser.sh
	@e2e/sessions.sh
	@e2e/stores.sh
	@e2e/acme.sh
	@e2e/library.sh

peers: ## suites that others wrote for registries: ENTREPOT_PEERS=FOLDER with their checkouts
	@e2e/peers.sh

bench: ## side by side with its peers, where they are there; takes more than an hour
	@bench/run.py $(ARGS)

fuzz: ## hostile input for every parser: TIME=60 seconds for each target, TARGET=names for one alone
	@TIME="$(or $(TIME),60)" TARGET="$(TARGET)" fuzz/run.sh

soak: ## kills, faults, power cuts and floods: ARGS="--only S07 --cuts 200"; takes about an hour
	@soak/run.py $(ARGS)

faults: ## the short part of it
	@soak/run.py --quick $(ARGS)

mutants: ## whether the tests notice a wrong line: ARGS="--only crates/egress"; takes half an hour
	@soak/mutants.py $(ARGS)
