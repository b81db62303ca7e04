# SPDX-License-Identifier: LGPL-2.1-or-later
"""Creates users, tokens, a worker and devices in a new LAVA; run by its Django."""

import json
import os

from django.contrib.auth.models import User  # type: ignore[import-not-found]
from lava_scheduler_app.models import Alias, Device, DeviceType, Tag, Worker  # type: ignore[import-not-found]
from linaro_django_xmlrpc.models import AuthToken  # type: ignore[import-not-found]

VALUES = json.loads(os.environ["KCI_SEED"])

for name, secret in VALUES["tokens"].items():
    user, _ = User.objects.get_or_create(username=name)
    user.is_superuser = name == "admin"
    user.save()
    AuthToken.objects.get_or_create(user=user, secret=secret)
worker, _ = Worker.objects.get_or_create(hostname=VALUES["worker"])
for name, kind in VALUES["devices"].items():
    device_type, _ = DeviceType.objects.get_or_create(name=kind)
    device_type.disable_health_check = True
    device_type.save()
    device, _ = Device.objects.get_or_create(
        hostname=name, defaults={"device_type": device_type, "worker_host": worker}
    )
    device.health = Device.HEALTH_GOOD
    device.save()
    device.tags.add(Tag.objects.get_or_create(name="emulated")[0])
qemu = DeviceType.objects.get(name="kci-qemu")
Alias.objects.get_or_create(name="qemu-x86_64", defaults={"device_type": qemu})
with open(VALUES["token_file"], "w") as file:  # noqa: PTH123 - LAVA's own Python
    file.write(worker.token)
