"""What the environment and ``.env`` say: the only place that reads them."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Keys and addresses, never stored with a run. ``ARENA_DB`` is the default of ``--db``."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")

    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    vllm_api_key: SecretStr | None = Field(default=None, validation_alias="VLLM_API_KEY")
    vllm_base_url: str | None = Field(default=None, validation_alias="VLLM_BASE_URL")
    arena_db: str = Field(default="arena.db", validation_alias="ARENA_DB")

    @property
    def api_keys(self) -> dict[str, SecretStr]:
        """Keys by provider."""
        keys = {"openai": self.openai_api_key, "vllm": self.vllm_api_key}
        return {provider: key for provider, key in keys.items() if key is not None}

    @property
    def base_urls(self) -> dict[str, str]:
        """Servers by provider."""
        urls = {"openai": self.openai_base_url, "vllm": self.vllm_base_url}
        return {provider: url for provider, url in urls.items() if url}
