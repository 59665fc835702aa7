"""Profiles."""
from django.conf import settings
from django.db import models


class Profile(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    organisation_type = models.CharField(max_length=50, blank=True)
    organisation_name = models.CharField(max_length=255, blank=True)
    country = models.CharField(max_length=2, blank=True)
    is_expert = models.BooleanField(default=False)
    upload_preference = models.CharField(max_length=10, default="wifi")
