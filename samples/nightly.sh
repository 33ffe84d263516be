#!/bin/sh
# Audits the outbox of yesterday. nightly.crontab, nightly.service and nightly.cronjob.yaml all run this script, in the
# folder of the reports; further arguments are added to the command.
#
# The day is a day of UTC+8, whatever the zone of the machine. POSIX writes the sign the other way round.
export TZ=CST-8
day=$(date -d "@$(($(date +%s) - 86400))" +%F)

# The keys, in two lines: ALIBABA_CLOUD_ACCESS_KEY_ID=… and ALIBABA_CLOUD_ACCESS_KEY_SECRET=…; mode 0600. systemd and
# Kubernetes put them into the environment, so there the script need not read the file.
if [ -r /etc/ons-audit/credentials ]; then
    set -a
    . /etc/ons-audit/credentials || exit 2
    set +a
fi

# --encoding lossy: one byte that is not UTF-8 costs its line, not the night.
# --resume: a further start asks only what has no answer yet.
exec ons-audit audit "/data/outbox-$day.csv.gz" --encoding lossy --source ons://cn-hangzhou \
    --expect-file /etc/ons-audit/expected.csv --resume --no-progress \
    -o "audit-$day.csv" -o "audit-$day.html" "$@"
