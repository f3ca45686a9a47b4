#!/usr/bin/env bash
# Logins by an LDAP directory that is not ours: Debian's slapd, started here as this user, with a data directory of its own.
#
#   e2e/ldap.sh
#
# One line per case, a closing line of counts, exit code 1 when a case failed. Where slapd is missing this says so and succeeds.
set -euo pipefail
lib=$(cd "$(dirname "$0")/lib" && pwd)
# shellcheck source=SCRIPTDIR/lib/common.sh
. "$lib/common.sh"
# shellcheck source=SCRIPTDIR/lib/checks.sh
. "$lib/checks.sh"

# Debian has them where only root looks.
PATH=$PATH:/usr/sbin
if ! have slapd || ! have slapadd || ! have openssl; then
    skip_all "slapd is not installed"
fi
binary=$(entrepot_binary)
scratch_make
base=dc=example,dc=org
ldap=$(free_port) ldaps=$(free_port) port=$(free_port)
at=127.0.0.1:$port

# ---- the directory ----------------------------------------------------------------------------

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=entrepot e2e" -addext "basicConstraints=critical,CA:true" \
    -keyout "$scratch/ca.key" -out "$scratch/ca.pem" 2> /dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$scratch/ldap.key" -out "$scratch/ldap.csr" 2> /dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > "$scratch/names"
openssl x509 -req -in "$scratch/ldap.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -CAcreateserial -days 2 \
    -extfile "$scratch/names" -out "$scratch/ldap.pem" 2> /dev/null
mkdir "$scratch/directory"
cat > "$scratch/slapd.conf" << CONFIG
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
TLSCertificateFile $scratch/ldap.pem
TLSCertificateKeyFile $scratch/ldap.key
database mdb
suffix $base
directory $scratch/directory
maxsize 33554432
limits * size.soft=500 size.hard=500 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,$base" read by * none
CONFIG
python3 - "$base" > "$scratch/people.ldif" << 'PYTHON'
import sys

base = sys.argv[1]


def entry(dn, *attributes):
    print(f"dn: {dn},{base}" if dn else f"dn: {base}", *attributes, "", sep="\n")


def person(uid, *more):
    entry(f"uid={uid},ou=people", "objectClass: inetOrgPerson", f"cn: {uid}", f"sn: {uid}", f"userPassword: {uid} secret", *more)


def group(name, *members):
    entry(f"cn={name},ou=groups", "objectClass: groupOfNames", *(f"member: {member},{base}" for member in members))


entry("", "objectClass: dcObject", "objectClass: organization", "o: example", "dc: example")
entry("ou=people", "objectClass: organizationalUnit", "ou: people")
entry("ou=groups", "objectClass: organizationalUnit", "ou: groups")
entry("cn=reader", "objectClass: applicationProcess", "objectClass: simpleSecurityObject", "cn: reader", "userPassword: reader secret")
# Another server that somebody could have written here.
entry("ou=elsewhere,ou=people", "objectClass: referral", "objectClass: extensibleObject", "ou: elsewhere", "ref: ldap://127.0.0.1:1/dc=evil")
person("alice")
person("olivia", f"memberOf: cn=Ops,ou=groups,{base}")
person("nested")
person("many")
person("eve")
# Names as Active Directory has them, and what filters and DNs escape in different ways.
print(
    f"dn: cn=Doe\\, Jane (Köln) \\+ *x,ou=people,{base}",
    "objectClass: inetOrgPerson", "cn: Doe, Jane (Köln) + *x", "sn: Doe", "uid: jane", 'userPassword: pä%&": secret', "", sep="\n",
)
person("twin", "mail: both@example.org")
person("twin2", "mail: both@example.org")
group("dev", "uid=alice,ou=people", "cn=team,ou=groups")
print(
    f"dn: cn=a\\,b (c)*,ou=groups,{base}", "objectClass: groupOfNames", "cn: a,b (c)*",
    f"member: cn=Doe\\, Jane (Köln) \\+ *x,ou=people,{base}", "", sep="\n",
)
group("team", "cn=squad,ou=groups", "cn=dev,ou=groups")
group("squad", "uid=nested,ou=people")
for number in range(1200):
    group(f"g{number}", "uid=many,ou=people")
group("staff", "uid=many,ou=people")
PYTHON
slapadd -q -f "$scratch/slapd.conf" -l "$scratch/people.ldif" > "$scratch/slapadd.log" 2>&1 || die "slapadd: $(tail -1 "$scratch/slapadd.log")"

directory_start() {
    # `stats` shows each operation.
    start slapd slapd -d stats -f "$scratch/slapd.conf" -h "ldap://127.0.0.1:$ldap ldaps://127.0.0.1:$ldaps"
    until_ready slapd bash -c "exec 3<> /dev/tcp/127.0.0.1/$ldaps"
}

# operations: how often the directory was asked for anything.
operations() { grep -cE ' op=[0-9]+ (BIND dn=|SRCH base=)' "$scratch/slapd.log" || true; }

# ---- the server -------------------------------------------------------------------------------

# configure URL [LINE...]: lines for the section `ldap`.
configure() {
    cat > "$scratch/entrepot.yaml" << CONFIG
listen: $at
data: "$scratch/data"
access:
  anonymous: []
  ldap:
    url: $1
    bind_dn: cn=reader,$base
    bind_password: env:LDAP_PASSWORD
    base: ou=people,$base
    filter: "(|(uid={user})(mail={user}))"
    name_attribute: uid
    group_base: ou=groups,$base
    nested: 3
    admins: ["CN=Ops, OU=Groups, $base"]
    users: ["cn=dev,ou=groups,$base"]
    operators: ['cn=A\,B (C)*, ou=groups, $base']
    viewers: ["cn=staff,ou=groups,$base"]
$(shift && printf '    %s\n' "$@")
CONFIG
}
export LDAP_PASSWORD="reader secret"
entrepot() { "$binary" "$@" --config "$scratch/entrepot.yaml"; }
server_start() {
    start entrepot "$binary" serve --config "$scratch/entrepot.yaml"
    until_ready entrepot answers "http://$at/readyz"
}

# status EXPECTED USER PASSWORD: what /token answers; the body is in $scratch/body.
status() {
    local got
    # Another host than this machine's.
    got=$(curl -s -o "$scratch/body" -w '%{http_code}' -u "$2:$3" "http://$at/token?service=x")
    echo "$got, not $1: $(cat "$scratch/body")"
    [ "$got" = "$1" ]
}
# role EXPECTED USER PASSWORD
role() { [ "$(curl -s -u "$2:$3" "http://$at/api/v1/me" | python3 -c 'import json, sys; me = json.load(sys.stdin); print(me.get("account"), me.get("role"))' | tee -a "$scratch/roles")" = "$1" ]; }
says() { grep -qF "$1" "$scratch/body"; }

directory_start
configure "ldap://127.0.0.1:$ldap"
server_start
printf 'correct horse battery' | entrepot account password admin --password-stdin > /dev/null
entrepot account add ci --robot > /dev/null
robot=$(entrepot token create ci --account ci --scope "pull:**" 2> /dev/null)

check "a user of the directory" role "alice user" alice "alice secret"
check "a group that the entry lists itself" role "olivia admin" olivia "olivia secret"
check "a group of groups, in a circle" role "nested user" nested "nested secret"
check "1,201 groups, in pages of 500" role "many viewer" many "many secret"
check "the same user in capitals is the same account" role "alice user" ALICE "alice secret"
check "names with what filters and DNs escape, a password beyond ASCII" role "jane operator" jane 'pä%&": secret'
check "there is one account for each" [ "$(entrepot account ls --output json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["accounts"]))')" = 7 ]
check "no group is no access" status 401 eve "eve secret"
check "and says so" says "none of the user's groups has access"
check "a wrong password" status 401 alice wrong
check "an empty password" status 401 alice ""
check "an unknown user" status 401 nobody "alice secret"
check "two entries for one name" status 401 both@example.org "twin secret"
for name in '*' 'alice)(uid=*' 'a*' 'alice)' '\\2a'; do
    check "a name that is a filter: $name" status 401 "$name" "alice secret"
done
known=$(operations)
check "a login again asks nobody" role "alice user" alice "alice secret"
check "a robot" status 200 ci "$robot"
check "an account that was made here" status 200 admin "correct horse battery"
check "a wrong password of such a one" status 401 admin wrong
check "an API token that does not exist" status 401 alice "${robot%??????}000000"
check "none of them asked the directory" [ "$(operations)" = "$known" ]
asked_for() {
    local before
    before=$(operations)
    status 401 "$1" "wrong too" > /dev/null && echo $(($(operations) - before))
}
check "a wrong password asks as often as an unknown user" [ "$(asked_for olivia)" = "$(asked_for nobody2)" ]
entrepot account disable alice > /dev/null
check "an account that is disabled here" status 401 alice "alice secret"
entrepot account enable alice > /dev/null
check "and enabled again" role "alice user" alice "alice secret"
stop slapd
check "the directory is away: 503, never 401" status 503 someone "else"
check "and says so" says "directory cannot be asked"
check "accounts that were made here go on" status 200 admin "correct horse battery"
check "robots go on" status 200 ci "$robot"
stop entrepot

# ---- TLS, and the test login ------------------------------------------------------------------

directory_start
# test_login EXPECTED [USER]: the exit code, and the output in $scratch/body.
test_login() {
    local user=${2:-alice} code=0
    printf '%s secret' "$user" | entrepot access test ldap --user "$user" --password-stdin > "$scratch/body" 2>&1 || code=$?
    cat "$scratch/body"
    [ $code = "$1" ]
}
configure "ldaps://localhost:$ldaps" "ca: $scratch/ca.pem"
check "ldaps, test login" test_login 0
check "it shows groups" says "cn=dev,ou=groups,$base"
check "and the role" says "role     user"
check "somebody without a role" test_login 1 eve
check "and the way out" says "hint: name one of these groups"
configure "ldap://localhost:$ldap" "start_tls: true" "ca: $scratch/ca.pem"
check "StartTLS" test_login 0
configure "ldaps://localhost:$ldaps"
check "a certificate that nobody trusts" test_login 1
check "and the way out" says "hint: the directory's certificate is not trusted here"
configure "ldap://localhost:$ldap" "start_tls: true"
check "a certificate that nobody trusts, StartTLS" test_login 1
LDAP_PASSWORD=wrong
configure "ldap://127.0.0.1:$ldap"
check "our own bind is wrong" test_login 1
check "and the way out" says "hint: look at \`access.ldap.bind_dn\`"
check "no password in log or database" fails grep -rqF -e "alice secret" -e "reader secret" "$scratch/data" "$scratch/entrepot.log"
checked
