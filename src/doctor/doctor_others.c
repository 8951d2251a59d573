/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of who else manages VFs, of sriovd itself, and of what could not be read. Pure. */
#include "doctor/doctor_private.h"

void check_rivals(const struct survey *s, struct findings *f)
{
        for (size_t i = 0; i < s->rivals.n; i++) {
                const struct rival *rival = &s->rivals.list[i];
                bool sure = rival->kind == RIVAL_MANAGES;
                struct finding *found =
                        finding_add(f, sure ? "other-manager" : "other-manager-unclear",
                                sure ? FINDING_WARNING : FINDING_NOTE, GROUP_OTHERS,
                                sure ? survey_device(s, dev_id_address(&rival->id)) : NULL);

                switch (rival->kind) {
                case RIVAL_MANAGES:
                        say_what(found,
                                "%s seems to manage the VFs of %s too: whoever comes last wins",
                                rival->manager, rival->pf);
                        say_remedy(found,
                                "Let one of them do it: remove the VFs from there, or the PF from "
                                "/etc/sriovd.");
                        break;
                case RIVAL_UNREADABLE:
                        say_what(found, "%s may manage VFs: its file can not be read",
                                rival->manager);
                        say_remedy(found, "Run this as root.");
                        break;
                case RIVAL_UNCLEAR:
                        say_what(found, "%s manages VFs of a PF that is not clear from its file",
                                rival->manager);
                        say_remedy(found, "Look into the file.");
                        break;
                }
                say_evidence(found, "%s", rival->path);
        }
        if (s->operator_state) {
                struct finding *found =
                        finding_add(f, "other-operator", FINDING_WARNING, GROUP_OTHERS, NULL);

                say_what(found, "sriov-network-operator manages VFs on this node");
                say_evidence(found, "/etc/sriov-operator is there");
                say_remedy(found, "Let one of them do it: take this node's PFs out of the "
                                  "SriovNetworkNodePolicy objects "
                                  "(or externallyManaged: true), or stop sriovd.");
        }
}

void check_service(const struct survey *s, struct findings *f)
{
        struct finding *found = finding_add(f, s->service_running ? "service" : "service-off",
                s->service_running ? FINDING_OK : FINDING_NOTE, GROUP_OTHERS, NULL);

        say_what(found, s->service_running ? "sriovd's backend is there" : "sriovd is not running");
        say_evidence(found, "/run/sriovd-host.sock is %sthere", s->service_running ? "" : "not ");
        if (!s->service_running)
                say_remedy(found, "systemctl enable --now sriovd");
}

void check_readable(const struct survey *s, struct findings *f)
{
        struct finding *found;

        if (s->n_denied == 0 && !s->short_config && s->log_known)
                return;
        found = finding_add(f, "not-all-readable", FINDING_NOTE, GROUP_OTHERS, NULL);
        say_what(found, "not all could be read%s%s, so some checks were left out",
                s->short_config ? " (configuration space of PFs)" : "",
                s->log_known ? "" : " (kernel log)");
        if (s->n_denied > 0)
                say_evidence(found, "%u files may not be read, the first is /%s", s->n_denied,
                        s->denied);
        else
                say_evidence(found, "%s",
                        s->short_config ? "the first 64 bytes of `config` were shown"
                                        : "/dev/kmsg and /var/log/dmesg");
        say_remedy(found, "sudo sriovctl doctor");
}
