/** The manual recipe of Nx's documentation. */
export const MANUAL_RECIPE = `image: node:20

# Creating template for DTE agents
.dte-agent:
  interruptible: true
  cache:
    key:
      files:
        - yarn.lock
    paths:
      - '.yarn-cache/'
  script:
    - yarn install --cache-folder .yarn-cache --prefer-offline --frozen-lockfile
    - yarn nx-cloud start-agent

# Creating template for a job running DTE (orchestrator)
.base-pipeline:
  interruptible: true
  only:
    - main
    - merge_requests
  before_script:
    - yarn install --cache-folder .yarn-cache --prefer-offline --frozen-lockfile
    - NX_HEAD=$CI_COMMIT_SHA
    - NX_BASE=\${CI_MERGE_REQUEST_DIFF_BASE_SHA:-$CI_COMMIT_BEFORE_SHA}
    - NX_CLOUD_DISTRIBUTED_EXECUTION_AGENT_COUNT=3 # expected number of agents

  artifacts:
    expire_in: 5 days
    paths:
      - dist

# Main job running DTE
nx-dte:
  stage: affected
  extends: .base-pipeline
  script:
    - yarn nx-cloud start-ci-run --distribute-on="manual" --stop-agents-after=e2e-ci
    - yarn nx-cloud record -- nx format:check --base=$NX_BASE --head=$NX_HEAD
    - yarn nx affected --base=$NX_BASE --head=$NX_HEAD -t lint,test,build,e2e-ci --parallel=2

# Create as many agents as you want
nx-dte-agent1:
  extends: .dte-agent
  stage: affected
nx-dte-agent2:
  extends: .dte-agent
  stage: affected
nx-dte-agent3:
  extends: .dte-agent
  stage: affected
`;

const JOB = `image: node:24
variables:
  CI: 'true'
  GIT_DEPTH: 0

# Main job
CI:
  interruptible: true
  only:
    - main
    - merge_requests
  script:
`;

/** What \`nx g ci-workflow --ci=gitlab\` of Nx 24 writes. */
export const WORKFLOW_24 = `${JOB}    # This enables task distribution via Nx Cloud
    # Run this command as early as possible, before dependencies are installed
    # Configure Nx Agents and task distribution in .nx/ci-config.yaml
    # Learn more at https://nx.dev/ci/reference/nx-cloud-cli#nx-cloud-start-nx-agents
    # Connect your workspace by running "nx connect" and uncomment this line to enable task distribution
    # - npx nx start-nx-agents

    - npm ci
    - npx playwright install --with-deps
    - export NX_HEAD=$CI_COMMIT_SHA

    # Prepend any command with "nx record --" to record its logs to Nx Cloud
    # - npx nx record -- echo Hello World
    # When you enable task distribution, run the e2e-ci task instead of e2e
    - npx nx affected -t lint test build e2e
    # Nx Cloud recommends fixes for failures to help you get CI green faster. Learn more: https://nx.dev/ci/features/self-healing-ci

  after_script:
    - npx nx fix-ci
`;

/** The same of Nx 20, with the line in use that has the vendor start agents before anything is installed. */
export const WORKFLOW_20 = `${JOB}    # This enables task distribution via Nx Cloud
    # Run this command as early as possible, before dependencies are installed
    # Learn more at https://nx.dev/ci/reference/nx-cloud-cli#npx-nxcloud-startcirun
    - pnpm dlx nx-cloud start-ci-run --distribute-on="5 linux-medium-js" --stop-agents-after="e2e-ci" --with-env-vars="FEATURES"

    - pnpm install --frozen-lockfile
    - NX_HEAD=$CI_COMMIT_SHA

    # Prepend any command with "nx-cloud record --" to record its logs to Nx Cloud
    # - pnpm exec nx-cloud record -- echo Hello World
    - pnpm exec nx affected -t lint test build e2e-ci
`;

/** One template for several jobs, as an older page of the documentation had it. */
export const SHARED_START = `stages: [test, build]
.distributed:
  before_script:
    - npx nx-cloud start-ci-run --distribute-on="5 linux-medium-js" --stop-agents-after="build" # this line enables distribution
    - npm ci
lint:
  stage: test
  extends: .distributed
  script:
    - npx nx affected -t lint
build:
  stage: build
  extends: [.distributed]
  script:
    - npx nx affected -t build
`;

/** The manual recipe of the newest documentation, with \`.nx/ci-config.yaml\`. */
export const MANUAL_RECIPE_24 = `image: node:22

# Creating template for DTE agents
.dte-agent:
  interruptible: true
  script:
    - yarn install --cache-folder .yarn-cache --prefer-offline --frozen-lockfile
    - export NX_AGENT_NAME=$CI_JOB_ID
    - yarn nx start-agent
  after_script:
    - export NX_AGENT_NAME=$CI_JOB_ID
    # Upload agent resource metrics
    - yarn nx-cloud upload-agent-metrics
    # Self-Healing CI: recommend fixes for failures
    - yarn nx fix-ci

.base-pipeline:
  interruptible: true
  before_script:
    - yarn install --cache-folder .yarn-cache --prefer-offline --frozen-lockfile
    - NX_HEAD=$CI_COMMIT_SHA
    - NX_BASE=\${CI_MERGE_REQUEST_DIFF_BASE_SHA:-$CI_COMMIT_BEFORE_SHA}

nx-dte:
  stage: affected
  extends: .base-pipeline
  script:
    - yarn nx start-nx-agents
    - yarn nx record -- nx format:check --base=$NX_BASE --head=$NX_HEAD
    - yarn nx affected --base=$NX_BASE --head=$NX_HEAD -t lint,test,build,e2e-ci --parallel=2
  after_script:
    - yarn nx fix-ci

nx-dte-agent1:
  extends: .dte-agent
  stage: affected
`;
